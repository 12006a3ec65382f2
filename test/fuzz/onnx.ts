import assert from 'node:assert/strict';
import { readModel, readModelBytes } from '../../src/format/onnx/read-model';
import { writeModel } from '../../src/graph/onnx/write-model';
import { WireWriter } from '../../src/graph/onnx/wire-writer';
import { model, node, tensor, value } from '../graph/onnx/models';
import { fileBytes, FOLDER, setFiles } from './engine/memory-files';
import { expectResult, openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** A tensor with its values in another file: dims, type, name, location, offset, length. */
function outside(): Uint8Array {
  const entry = (key: string, text: string) => new WireWriter().content(1, key).content(2, text);
  const outer = new WireWriter()
    .integers(1, [2, 2])
    .integer(2, 1)
    .content(8, 'w')
    .content(13, entry('location', 'w.data'))
    .content(13, entry('offset', '16'))
    .content(13, entry('length', '16'))
    .integer(14, 1);
  const graph = new WireWriter().content(2, 'g').content(5, outer);
  const opset = new WireWriter().content(1, '').integer(2, 18);
  return new WireWriter().integer(1, 8).content(7, graph).content(8, opset).finish();
}

/** Weights of four bits with a scale for every row, and of eight in blocks. */
function quantised(): Uint8Array {
  const tensor = (name: string, code: number, dims: readonly number[], bytes: number) =>
    new WireWriter()
      .integers(1, dims)
      .integer(2, code)
      .content(8, name)
      .content(9, new Uint8Array(bytes).fill(60));
  const attribute = (key: string, to: number) =>
    new WireWriter().content(1, key).integer(3, to).integer(20, 2);
  const give = (name: string) =>
    new WireWriter()
      .content(1, name)
      .content(1, `${name}s`)
      .content(1, `${name}z`)
      .content(2, `${name}y`)
      .content(4, 'DequantizeLinear');
  const graph = new WireWriter()
    .content(1, give('a').content(5, attribute('axis', 0)))
    .content(1, give('b').content(5, attribute('axis', 1)).content(5, attribute('block_size', 2)))
    .content(2, 'g');
  graph.content(5, tensor('a', 22, [3, 3], 5)).content(5, tensor('as', 1, [3], 12));
  graph.content(5, tensor('az', 22, [3], 2)).content(5, tensor('b', 3, [2, 4], 8));
  graph.content(5, tensor('bs', 1, [2, 2], 16)).content(5, tensor('bz', 3, [2, 2], 4));
  const opset = new WireWriter().content(1, '').integer(2, 21);
  return new WireWriter().integer(1, 8).content(7, graph).content(8, opset).finish();
}

/** The protobuf of ONNX, in memory and as a file beside one with values. */
export const onnx: FuzzTarget = {
  name: 'onnx',
  modules: /format\/onnx\/.*\.ts$/,
  seeds: () => [
    expectResult(
      writeModel(
        model({
          nodes: [node('MatMul', 'x w', 'y', { k: 1, f: { float: 2 }, s: 'text', l: [1, 2] })],
          initializers: [tensor('w', 'float32', [2, 2], [1, 2, 3, 4])],
          inputs: [value('x', 'float32', ['batch', 2])],
          outputs: [value('y', 'float32')],
        }),
      ),
    ) ?? outside(),
    outside(),
  ],
  async run(bytes) {
    setFiles({ 'm.onnx': bytes, 'w.data': new Uint8Array(64) });
    const inMemory = expectResult(readModelBytes(bytes, `${FOLDER}/m.onnx`));
    const inFile = expectResult(await readModel(`${FOLDER}/m.onnx`));
    assert.equal(inMemory === null, inFile === null, 'a file is read in another way than its bytes');
    for (const { data, shape, count } of inFile?.graph.initializers ?? []) {
      assert.equal(
        shape.reduce((product, size) => product * size, 1),
        count,
      );
      if (data.kind !== 'file') continue;
      const size = fileBytes(data.path);
      assert.ok(size !== undefined && data.offset + data.bytes <= size, 'values beyond the file');
    }
  },
};

/** The weights of a model as a checkpoint. */
export const onnxWeights: FuzzTarget = {
  name: 'onnx-weights',
  modules: /format\/onnx(?:\.ts|\/.*)$/,
  seeds: () => [...onnx.seeds(), quantised()],
  run: (bytes) => openFiles('m.onnx', { 'm.onnx': bytes, 'w.data': new Uint8Array(64) }),
};
