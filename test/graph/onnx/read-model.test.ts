import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readModel, readModelBytes } from '../../../src/format/onnx/read-model';
import { valuesOfTensor } from '../../../src/graph/onnx/tensor-values';
import type { OnnxModel } from '../../../src/format/onnx/types';
import { WireWriter } from '../../../src/graph/onnx/wire-writer';
import { writeModel } from '../../../src/graph/onnx/write-model';
import type { Result } from '../../../src/protocol/result';
import { WITHOUT_ZOO, ZOO } from '../zoo';
import { gaussians, model, node, tensor, value } from './models';

const SMALL = model({
  nodes: [
    node('Gemm', 'x weight bias', 'hidden', { transB: 1, alpha: { float: 0.5 } }),
    node('Clip', 'hidden - most', 'clipped'),
    node('ReduceMean', 'clipped', 'y', { axes: [-1], keepdims: 0 }),
    node('Constant', '', 'unused', { value: { tensor: tensor('', 'int64', [2], [-1, 2 ** 40]) } }),
  ],
  inputs: [value('x', 'float32', ['batch', 3])],
  outputs: [value('y', 'float32')],
  initializers: [
    tensor('weight', 'float32', [2, 3], [1, 2, 3, 4, 5, 6]),
    tensor('bias', 'float32', [2], [0.5, -0.5]),
    tensor('most', 'float32', [], [4]),
  ],
});

function bytesOf(made: OnnxModel): Uint8Array {
  const written = writeModel(made);
  assert.ok(written.ok);
  return written.value;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'no problem' : result.problem.code;
}

function folder(): string {
  return fs.mkdtempSync(join(os.tmpdir(), 'deltalens-onnx-'));
}

test('a model that was written is read again with every node, attribute, tensor and shape', () => {
  const read = readModelBytes(bytesOf(SMALL), 'model.onnx');
  assert.ok(read.ok);
  assert.deepEqual(read.value.graph.nodes, SMALL.graph.nodes);
  assert.deepEqual(read.value.graph.initializers, SMALL.graph.initializers);
  assert.deepEqual(read.value.graph.inputs, SMALL.graph.inputs);
  assert.deepEqual(read.value.graph.outputs, SMALL.graph.outputs);
  assert.deepEqual(read.value.opsets, SMALL.opsets);
});

test('whole numbers of any size and sign come back, those beyond 2^53 at that bound', () => {
  const numbers = [0, 1, -1, 127, 128, -128, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1)];
  const made = model({ nodes: [node('Slice', 'x', 'y', { ends: numbers })], inputs: [], outputs: [] });
  const read = readModelBytes(bytesOf(made));
  assert.ok(read.ok);
  assert.deepEqual(read.value.graph.nodes[0]?.attributes.get('ends'), { kind: 'ints', value: numbers });
  // INT64_MAX and INT64_MIN, as exporters write them for "to the end".
  const attribute = new WireWriter().content(1, 'ends').integer(20, 7);
  const packed = Uint8Array.from([...Array<number>(8).fill(255), 127, ...Array<number>(9).fill(128), 1]);
  attribute.content(8, packed);
  const graph = new WireWriter().content(1, new WireWriter().content(4, 'Slice').content(5, attribute));
  const model2 = new WireWriter().integer(1, 8).content(7, graph).content(8, new WireWriter().integer(2, 18));
  const bounds = readModelBytes(model2.finish());
  assert.ok(bounds.ok);
  assert.deepEqual(bounds.value.graph.nodes[0]?.attributes.get('ends'), {
    kind: 'ints',
    value: [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER],
  });
});

test('weights stay in the file, at the place where their values really are', async () => {
  const values = Float32Array.from(gaussians(10_000, 1));
  const made = model({
    nodes: [],
    inputs: [],
    outputs: [],
    initializers: [tensor('w', 'float32', [100, 100], values)],
  });
  const path = join(folder(), 'model.onnx');
  fs.writeFileSync(path, bytesOf(made));
  const read = await readModel(path);
  assert.ok(read.ok);
  const [weight] = read.value.graph.initializers;
  assert.ok(weight);
  assert.equal(weight.data.kind, 'file');
  const loaded = await valuesOfTensor(weight);
  assert.ok(loaded.ok);
  assert.deepEqual(Float32Array.from(loaded.value), values);
});

test('values stored as packed varints or floats are those of raw bytes', async () => {
  const tensors = [
    new WireWriter()
      .integers(1, [3])
      .integer(2, 7)
      .content(8, 'i64')
      .integers(7, [1, -2, 2 ** 40]),
    new WireWriter().integers(1, [2]).integer(2, 10).content(8, 'f16').integers(5, [0x3c00, 0xc000]),
    new WireWriter().integers(1, [3]).integer(2, 9).content(8, 'bool').integers(5, [1, 0, 1]),
    new WireWriter()
      .integers(1, [2])
      .integer(2, 1)
      .content(8, 'f32')
      .content(4, new Uint8Array(Float32Array.of(1.5, -2).buffer)),
    new WireWriter().integers(1, [2]).integer(2, 1).content(8, 'single').float(4, 1.5).float(4, -2),
    new WireWriter()
      .integers(1, [1])
      .integer(2, 11)
      .content(8, 'f64')
      .content(10, new Uint8Array(Float64Array.of(0.1).buffer)),
  ];
  const expected = [[1, -2, 2 ** 40], [1, -2], [1, 0, 1], [1.5, -2], [1.5, -2], [0.1]];
  const graph = new WireWriter();
  for (const one of tensors) graph.content(5, one);
  const bytes = new WireWriter().integer(1, 8).content(7, graph).content(8, new WireWriter().integer(2, 18));
  const read = readModelBytes(bytes.finish());
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  for (const [i, one] of read.value.graph.initializers.entries()) {
    const loaded = await valuesOfTensor(one);
    assert.ok(loaded.ok);
    assert.deepEqual([...loaded.value], expected[i], one.name);
  }
});

test(
  'the exports of the zoo are read with the counts that another reader gives',
  { skip: WITHOUT_ZOO },
  async () => {
    const expected: readonly [string, number, number][] = [
      ['vit-digits/onnx/base.onnx', 319, 104],
      ['charlm/onnx/base.onnx', 800, 38],
      ['cnn-digits/onnx/base.onnx', 14, 18],
      ['moe-toy/onnx/base.onnx', 694, 65],
    ];
    for (const [name, nodes, initializers] of expected) {
      const read = await readModel(join(ZOO, name));
      assert.ok(read.ok, read.ok ? '' : read.problem.message);
      assert.equal(read.value.graph.nodes.length, nodes, name);
      assert.equal(read.value.graph.initializers.length, initializers, name);
      assert.equal(read.value.opsets.get(''), 17);
    }
  },
);

test('every truncation and every changed byte gives a model or a problem, never an exception', () => {
  const bytes = bytesOf(SMALL);
  for (let length = 0; length < bytes.length; length++) {
    const read = readModelBytes(bytes.subarray(0, length), 'model.onnx');
    if (!read.ok) assert.match(read.problem.code, /^graph-/);
  }
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of [0, 1, 127, 128, 255]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = byte;
      const read = readModelBytes(changed, 'model.onnx');
      if (!read.ok) assert.match(read.problem.code, /^graph-/);
    }
  }
});

test('a length beyond the file names the byte where it stands', () => {
  const read = readModelBytes(Uint8Array.of(8, 8, 58, 255, 255, 255, 255, 15), 'model.onnx');
  assert.ok(!read.ok);
  assert.equal(read.problem.code, 'graph-malformed');
  assert.match(read.problem.message, /model\.onnx claims 4294967295 bytes where 0 are left \(at byte 8\)/);
});

test('a number of eleven bytes, graphs nested too deep and a file that is something else are refused', () => {
  const endless = Uint8Array.from([8, ...Array<number>(11).fill(255), 1]);
  assert.equal(codeOf(readModelBytes(endless)), 'graph-not-onnx');
  assert.equal(codeOf(readModelBytes(Buffer.from('{"a": 1}'))), 'graph-not-onnx');
  assert.equal(codeOf(readModelBytes(new Uint8Array(0))), 'graph-not-onnx');
  let graph = new WireWriter().content(2, 'innermost');
  for (let depth = 0; depth < 50; depth++) {
    const attribute = new WireWriter().content(1, 'body').content(6, graph).integer(20, 5);
    graph = new WireWriter().content(1, new WireWriter().content(4, 'Loop').content(5, attribute));
  }
  const nested = new WireWriter().integer(1, 8).content(7, graph).content(8, new WireWriter().integer(2, 18));
  assert.equal(codeOf(readModelBytes(nested.finish())), 'graph-too-large');
});

test('a tensor whose shape does not fit its bytes, or fits no memory, is refused by name', () => {
  const shapes: readonly (readonly number[])[] = [[3], [-1, -2], [2 ** 40, 2 ** 40], [1, 1, 1]];
  for (const shape of shapes) {
    const made = model({
      nodes: [],
      inputs: [],
      outputs: [],
      initializers: [{ ...tensor('w', 'float32', [2], [1, 2]), shape }],
    });
    const read = readModelBytes(bytesOf(made), 'model.onnx');
    assert.ok(!read.ok);
    assert.equal(read.problem.code, 'graph-tensor-size');
    assert.equal(read.problem.at, 'w');
  }
});

function externalModel(entries: Readonly<Record<string, string>>): Uint8Array {
  const weight = new WireWriter().integers(1, [4]).integer(2, 1).content(8, 'w').integer(14, 1);
  for (const [key, text] of Object.entries(entries)) {
    weight.content(13, new WireWriter().content(1, key).content(2, text));
  }
  const graph = new WireWriter().content(5, weight);
  return new WireWriter()
    .integer(1, 8)
    .content(7, graph)
    .content(8, new WireWriter().integer(2, 18))
    .finish();
}

test('external data is found beside the model, at its offset', async () => {
  const here = folder();
  fs.writeFileSync(join(here, 'model.onnx'), externalModel({ location: 'w.bin', offset: '8', length: '16' }));
  fs.writeFileSync(join(here, 'w.bin'), new Uint8Array(Float32Array.of(9, 9, 1, 2, 3, 4).buffer));
  const read = await readModel(join(here, 'model.onnx'));
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  const [weight] = read.value.graph.initializers;
  assert.ok(weight);
  const loaded = await valuesOfTensor(weight);
  assert.ok(loaded.ok);
  assert.deepEqual([...loaded.value], [1, 2, 3, 4]);
});

test('external data outside the folder, missing, too short or with odd numbers is refused', async () => {
  const above = folder();
  const here = join(above, 'models');
  fs.mkdirSync(join(here, 'below'), { recursive: true });
  for (const path of ['../w.bin', 'w.bin', 'below/w.bin'])
    fs.writeFileSync(join(here, path), new Uint8Array(16));
  fs.symlinkSync(join(above, 'w.bin'), join(here, 'link.bin'));
  const cases: readonly Readonly<Record<string, string>>[] = [
    { location: '../w.bin' },
    { location: 'below/w.bin' },
    { location: join(above, 'w.bin') },
    { location: 'https://example.org/w.bin' },
    { location: 'link.bin' },
    { location: 'below' },
    { location: 'none.bin' },
    { location: '' },
    { location: 'w.bin', offset: '1' },
    { location: 'w.bin', offset: '-4' },
    { location: 'w.bin', offset: '9223372036854775807' },
    { location: 'w.bin', length: '15' },
    { location: 'w.bin', length: '1e1' },
  ];
  for (const entries of cases) {
    fs.writeFileSync(join(here, 'model.onnx'), externalModel(entries));
    assert.equal(
      codeOf(await readModel(join(here, 'model.onnx'))),
      'graph-external-data',
      JSON.stringify(entries),
    );
  }
});

test('a missing file and a folder are told as such', async () => {
  const here = folder();
  assert.equal(codeOf(await readModel(join(here, 'none.onnx'))), 'file-missing');
  assert.equal(codeOf(await readModel(here)), 'not-a-file');
});
