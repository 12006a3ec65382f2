import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { asStored } from '../../src/format/packed/registry';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { readModel } from '../../src/format/onnx/read-model';
import { WireWriter } from '../../src/graph/onnx/wire-writer';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder, writeFiles } from './files';
import { sequence } from './packed-files';

const folder = temporaryFolder();
const NODES = paths.resolve(__dirname, '../../../shared/realdata/onnx+onnx/onnx/backend/test/data/node');
const skip = fs.existsSync(NODES) ? false : 'no real files here';
/** What is read is whole numbers of four bits and more, and floating point of eight; others stay as they are stored. */
const READ = /^test_dequantizelinear(?!_float4e2m1|_u?int2$)/;
const CODES = { uint8: 2, int8: 3, int32: 6, uint4: 21, int4: 22 } as const;
type Type = keyof typeof CODES;

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

/** Numbers as they lie: those of four bits two a byte, the first in the lower half. */
function stored(type: Type, values: readonly number[]): Buffer {
  if (type === 'int32') return Buffer.from(Int32Array.from(values).buffer);
  if (type === 'int8' || type === 'uint8') return Buffer.from(values.map((value) => value & 255));
  const bytes = Buffer.alloc(Math.ceil(values.length / 2));
  values.forEach((value, i) => {
    bytes[i >> 1] = (bytes[i >> 1] ?? 0) | ((value & 15) << (4 * (i % 2)));
  });
  return bytes;
}

function tensor(name: string, code: number, dims: readonly number[], data: Buffer): WireWriter {
  return new WireWriter().integers(1, dims).integer(2, code).content(8, name).content(9, data);
}

interface Quantised {
  readonly type: Type;
  readonly shape: readonly number[];
  readonly scaleShape: readonly number[];
  readonly zero?: boolean;
  readonly axis?: number;
  readonly block?: number;
}

const LOWEST = { uint8: 0, int8: -128, int32: -5000, uint4: 0, int4: -8 };
const NUMBERS = { uint8: 256, int8: 256, int32: 10_000, uint4: 16, int4: 16 };

/** What the specification says, element by element: y = (x − zero point) · scale. */
function slowly(
  given: Quantised,
  x: readonly number[],
  scale: readonly number[],
  zero: readonly number[],
): number[] {
  const { shape, scaleShape, block = 0 } = given;
  const axis = ((given.axis ?? 1) + shape.length) % shape.length;
  return x.map((code, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (const size of [...shape].reverse()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    let at = 0;
    if (block > 0) {
      index.forEach((place, i) => {
        at = at * (scaleShape[i] ?? 1) + (i === axis ? Math.floor(place / block) : place);
      });
    } else if (product(scaleShape) > 1) at = index[axis] ?? 0;
    return Math.fround((code - (zero[at] ?? 0)) * (scale[at] ?? 0));
  });
}

function attribute(key: string, value: number): WireWriter {
  return new WireWriter().content(1, key).integer(3, value).integer(20, 2);
}

/** A model with the weight, multiplied with an input; and what the weight is. */
function model(
  given: Quantised,
  name = 'fc.weight_quantized',
): { readonly file: Buffer; readonly values: number[] } {
  const { type, shape, scaleShape } = given;
  const numbers = (count: number, seed: number) =>
    sequence(count, NUMBERS[type], seed).map((value) => value + LOWEST[type]);
  const x = numbers(product(shape), 1);
  const scale = sequence(product(scaleShape), 1000, 2).map((value) => Math.fround((value + 1) / 7000));
  const zero = given.zero === true ? numbers(product(scaleShape), 3) : [];
  const inputs = [name, 's', ...(zero.length > 0 ? ['z'] : [])];
  const node = new WireWriter();
  for (const input of inputs) node.content(1, input);
  node.content(2, 'w').content(3, 'dq').content(4, 'DequantizeLinear');
  if (given.axis !== undefined) node.content(5, attribute('axis', given.axis));
  if (given.block !== undefined) node.content(5, attribute('block_size', given.block));
  const use = new WireWriter().content(1, 'in').content(1, 'w').content(2, 'out').content(3, '/fc/MatMul');
  const graph = new WireWriter().content(1, node).content(1, use.content(4, 'MatMul')).content(2, 'g');
  graph.content(5, tensor(name, CODES[type], shape, stored(type, x)));
  graph.content(5, tensor('s', 1, scaleShape, Buffer.from(Float32Array.from(scale).buffer)));
  if (zero.length > 0) graph.content(5, tensor('z', CODES[type], scaleShape, stored(type, zero)));
  const opset = new WireWriter().content(1, '').integer(2, 21);
  const file = new WireWriter().integer(1, 10).content(7, graph).content(8, opset).finish();
  return { file: Buffer.from(file), values: slowly(given, x, scale, zero) };
}

async function open(file: Buffer): Promise<Checkpoint> {
  writeFiles(folder, { 'm.onnx': file });
  const opened = await openCheckpoint(paths.join(folder, 'm.onnx'));
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

async function valuesOf(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const span = checkpoint.tensors.find((each) => each.name === name)?.span;
  assert.ok(span, `there is ${name}`);
  const bytes = await readSpan(span);
  assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
  return [...decode(span.dtype, bytes.value, span.count)];
}

const CASES: readonly Quantised[] = [
  { type: 'int8', shape: [3, 5], scaleShape: [] },
  { type: 'uint8', shape: [3, 5], scaleShape: [1], zero: true },
  { type: 'uint8', shape: [3, 5], scaleShape: [5], zero: true },
  { type: 'int8', shape: [4, 3, 2], scaleShape: [4], zero: true, axis: 0 },
  { type: 'int8', shape: [4, 3, 2], scaleShape: [3], axis: -2 },
  { type: 'int32', shape: [7], scaleShape: [7], axis: 0 },
  { type: 'int4', shape: [3, 5], scaleShape: [], zero: true },
  { type: 'uint4', shape: [8, 16], scaleShape: [16], zero: true },
  { type: 'int4', shape: [5, 7], scaleShape: [5], zero: true, axis: 0 },
  { type: 'uint4', shape: [3], scaleShape: [3], axis: 0 },
  { type: 'int4', shape: [16, 3], scaleShape: [4, 3], zero: true, axis: 0, block: 4 },
  { type: 'uint4', shape: [3, 10], scaleShape: [3, 3], zero: true, axis: 1, block: 4 },
  { type: 'int8', shape: [2, 6, 4], scaleShape: [2, 2, 4], zero: true, axis: 1, block: 4 },
];

suite('Quantised weights of ONNX models', () => {
  for (const given of CASES) {
    const { type, shape, scaleShape, block, zero } = given;
    const how = `${block === undefined ? '' : 'blocks, '}scales [${scaleShape.join()}]${zero === true ? ', zero points' : ''}`;
    test(`${type} [${shape.join()}], ${how}: (x − zero point) · scale, under the name of the module`, async () => {
      const { file, values } = model(given);
      const checkpoint = await open(file);
      assert.deepEqual(
        checkpoint.tensors.map(({ name, span }) => [name, span.dtype, span.shape]),
        [['fc.weight', 'F32', shape]],
      );
      assert.deepEqual(await valuesOf(checkpoint, 'fc.weight'), values);
      assert.deepEqual(
        checkpoint.findings.map(({ code, at }) => [code, at]),
        [['weights-packed', 'fc.weight']],
      );
      const names = ['fc.weight_quantized', 's', ...(zero === true ? ['z'] : [])];
      assert.deepEqual(
        asStored(checkpoint).tensors.map(({ name }) => name),
        names,
      );
    });
  }

  test('a row of many numbers of four bits is read in parts as it is as a whole', async () => {
    const { file, values } = model({
      type: 'int4',
      shape: [12, 1024],
      scaleShape: [12, 32],
      axis: 1,
      block: 32,
    });
    assert.deepEqual(await valuesOf(await open(file), 'fc.weight'), values);
  });

  test('codes without a name have that of the module, transposed as the module has them', async () => {
    const { file, values } = model({ type: 'int8', shape: [2, 3], scaleShape: [3] }, 'onnx::MatMul_7');
    const checkpoint = await open(file);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.shape]),
      [['fc.weight', [3, 2]]],
    );
    const order = [0, 3, 1, 4, 2, 5];
    assert.deepEqual(
      await valuesOf(checkpoint, 'fc.weight'),
      order.map((at) => values[at]),
    );
  });

  test('what does not fit stays as it is stored, and says why', async () => {
    const { file } = model({ type: 'int8', shape: [2, 3], scaleShape: [4] });
    const checkpoint = await open(file);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.dtype]),
      [
        ['fc.weight_quantized', 'I8'],
        ['s', 'F32'],
      ],
    );
    const found = checkpoint.findings.find(({ code }) => code === 'weights-packed-unread');
    assert.match(found?.message ?? '', /shape \[2, 3\], its scales \[4\]/);
  });

  test('the examples of the ONNX specification come out as it says', { skip }, async () => {
    const examples = fs.readdirSync(NODES).filter((name) => READ.test(name));
    assert.ok(examples.length >= 8);
    for (const example of examples) {
      const at = (file: string) => paths.join(NODES, example, file);
      const read = await readModel(at('model.onnx'));
      assert.ok(read.ok);
      const node = new WireWriter();
      const graph = new WireWriter().content(2, 'g');
      // The inputs of the example become initializers.
      for (const i of read.value.graph.inputs.keys()) {
        const data = fs.readFileSync(at(`test_data_set_0/input_${String(i)}.pb`));
        const name = new WireWriter().content(8, `i${String(i)}`).finish();
        graph.content(5, Buffer.concat([data, name]));
        node.content(1, `i${String(i)}`);
      }
      node.content(2, 'y').content(4, 'DequantizeLinear');
      for (const [key, value] of read.value.graph.nodes[0]?.attributes ?? []) {
        if (value.kind === 'int') node.content(5, attribute(key, value.value));
      }
      const expected = fs.readFileSync(at('test_data_set_0/output_0.pb'));
      graph.content(5, Buffer.concat([expected, new WireWriter().content(8, 'expected').finish()]));
      const opset = new WireWriter().content(1, '').integer(2, 21);
      const file = new WireWriter()
        .integer(1, 10)
        .content(7, graph.content(1, node))
        .content(8, opset)
        .finish();
      const checkpoint = await open(Buffer.from(file));
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['i0', 'expected'],
        example,
      );
      assert.deepEqual(await valuesOf(checkpoint, 'i0'), await valuesOf(checkpoint, 'expected'), example);
    }
  });
});
