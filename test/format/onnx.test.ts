import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { WireWriter } from '../../src/graph/onnx/wire-writer';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder, writeFiles } from './files';

const folder = temporaryFolder();
const SHARED = paths.resolve(__dirname, '../../../shared');
const REAL = paths.join(SHARED, 'realdata');
const ZOO = paths.join(SHARED, 'zoo');

/** A TensorProto: dims, type, name, then whatever holds its values. */
function tensorProto(
  name: string,
  code: number,
  dims: readonly number[],
  values: (w: WireWriter) => void,
): WireWriter {
  const writer = new WireWriter().integers(1, dims).integer(2, code).content(8, name);
  values(writer);
  return writer;
}

function floats(...values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

function raw(name: string, dims: readonly number[], ...values: readonly number[]): WireWriter {
  return tensorProto(name, 1, dims, (writer) => writer.content(9, floats(...values)));
}

/** A tensor whose values lie in a file. */
function external(name: string, count: number, location: string, offset = 0): WireWriter {
  const entry = (key: string, value: string) => new WireWriter().content(1, key).content(2, value);
  return tensorProto(name, 1, [count], (writer) =>
    writer
      .content(13, entry('location', location))
      .content(13, entry('offset', String(offset)))
      .integer(14, 1),
  );
}

function nodeProto(
  op: string,
  inputs: readonly string[],
  output: string,
  name = '',
  value?: WireWriter,
): WireWriter {
  const writer = new WireWriter();
  for (const input of inputs) writer.content(1, input);
  writer.content(2, output).content(3, name).content(4, op);
  if (value !== undefined)
    writer.content(5, new WireWriter().content(1, 'value').content(5, value).integer(20, 4));
  return writer;
}

interface Parts {
  readonly initializers?: readonly WireWriter[];
  readonly nodes?: readonly WireWriter[];
  readonly sparse?: readonly WireWriter[];
}

function modelFile({ initializers = [], nodes = [], sparse = [] }: Parts): Buffer {
  const graph = new WireWriter().content(2, 'g');
  for (const node of nodes) graph.content(1, node);
  for (const tensor of initializers) graph.content(5, tensor);
  for (const tensor of sparse) graph.content(15, new WireWriter().content(1, tensor));
  const opset = new WireWriter().content(1, '').integer(2, 17);
  const note = new WireWriter().content(1, 'author').content(2, 'me');
  return Buffer.from(
    new WireWriter()
      .integer(1, 8)
      .content(2, 'test')
      .content(7, graph)
      .content(8, opset)
      .content(14, note)
      .finish(),
  );
}

function write(name: string, content: Buffer): string {
  writeFiles(folder, { [name]: content });
  return paths.join(folder, name);
}

async function opened(path: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(path);
  assert.ok(checkpoint.ok, checkpoint.ok ? '' : checkpoint.problem.message);
  return checkpoint.value;
}

const openModel = (parts: Parts) => opened(write('model.onnx', modelFile(parts)));

async function valuesOf(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const span = checkpoint.tensors.find((tensor) => tensor.name === name)?.span;
  assert.ok(span, `there is a tensor ${name}`);
  const bytes = await readSpan(span);
  assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
  return [...decode(span.dtype, bytes.value, span.count)];
}

function codes(checkpoint: Checkpoint): string[] {
  return checkpoint.findings.map(({ code }) => code);
}

suite('ONNX models as checkpoints', () => {
  test('initializers are tensors, whatever field holds their values', async () => {
    const checkpoint = await openModel({
      initializers: [
        raw('raw', [2, 2], 1, 2, 3, 4),
        tensorProto('float_data', 1, [2], (w) => w.content(4, floats(0.5, -1))),
        // Halves as bit patterns in int32_data: 1.5 and −2.
        tensorProto('halves', 10, [2], (w) => w.integers(5, [0x3e00, 0xc000])),
        tensorProto('brains', 16, [2], (w) => w.integers(5, [0x3fc0, 0xc000])),
        tensorProto('bytes', 3, [3], (w) => w.integers(5, [-128, 0, 127])),
        tensorProto('bools', 9, [2], (w) => w.integers(5, [1, 0])),
        tensorProto('wide', 7, [2], (w) => w.integers(7, [-5, 2 ** 40])),
        tensorProto('doubles', 11, [1], (w) => w.content(10, Buffer.from(Float64Array.of(Math.PI).buffer))),
        tensorProto('none', 1, [0, 3], () => undefined),
      ],
    });
    assert.equal(checkpoint.container, 'ONNX');
    assert.deepEqual(codes(checkpoint), []);
    assert.deepEqual(
      { ...checkpoint.metadata },
      { author: 'me', producer: 'test', ir_version: '8', opsets: 'ai.onnx 17' },
    );
    const expected: Readonly<Record<string, readonly number[]>> = {
      raw: [1, 2, 3, 4],
      float_data: [0.5, -1],
      halves: [1.5, -2],
      brains: [1.5, -2],
      bytes: [-128, 0, 127],
      bools: [1, 0],
      wide: [-5, 2 ** 40],
      doubles: [Math.PI],
      none: [],
    };
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      Object.keys(expected),
    );
    for (const [name, values] of Object.entries(expected)) {
      assert.deepEqual(await valuesOf(checkpoint, name), values, name);
    }
  });

  test('constants are listed where an operator takes them for weights', async () => {
    const checkpoint = await openModel({
      nodes: [
        nodeProto('Constant', [], 'kernel', '', raw('', [2, 2], 1, 2, 3, 4)),
        nodeProto('Constant', [], 'steps', '', raw('', [2], 1, 2)),
        nodeProto('MatMul', ['x', 'kernel'], 'y'),
        nodeProto('Slice', ['y', 'steps'], 'z'),
      ],
    });
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['kernel'],
    );
  });

  test('a weight without a name gets that of its module, as the module has it', async () => {
    const checkpoint = await openModel({
      initializers: [
        raw('net.head.bias', [3], 0, 0, 0),
        raw('net.body.0.conv.weight', [1, 1, 1], 1),
        raw('onnx::MatMul_12', [2, 3], 1, 2, 3, 4, 5, 6),
        raw('onnx::MatMul_13', [2, 2], 1, 2, 3, 4),
        raw('onnx::MatMul_14', [2, 2], 5, 6, 7, 8),
        raw('15', [2], 0, 1),
        raw('16', [2], 0, 1),
      ],
      nodes: [
        nodeProto('Conv', ['x', 'net.body.0.conv.weight'], 'c', '/body/0/conv/Conv'),
        nodeProto('MatMul', ['c', 'onnx::MatMul_13'], 'a', '/body/0/query/MatMul'),
        nodeProto('MatMul', ['a', 'onnx::MatMul_12'], 'h', '/somewhere/else/MatMul'),
        nodeProto('Add', ['net.head.bias', 'h'], 'y', '/somewhere/else/Add'),
        // Two weights that one name would be given to keep their own.
        nodeProto('PRelu', ['y', '15'], 'p', '/act/PRelu'),
        nodeProto('PRelu', ['p', '16'], 'q', '/act/PRelu_1'),
        nodeProto('MatMul', ['onnx::MatMul_14', 'q'], 'r', '/left/MatMul'),
      ],
    });
    assert.deepEqual(codes(checkpoint), ['onnx-module-name', 'onnx-transposed']);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      [
        'net.head.bias',
        'net.body.0.conv.weight',
        'net.head.weight',
        'net.body.0.query.weight',
        'net.left.weight',
        '15',
        '16',
      ],
    );
    const head = checkpoint.tensors[2]?.span;
    assert.deepEqual([head?.shape, head?.stored?.label], [[3, 2], 'F32 (transposed)']);
    assert.deepEqual(await valuesOf(checkpoint, 'net.head.weight'), [1, 4, 2, 5, 3, 6]);
    assert.deepEqual(await valuesOf(checkpoint, 'net.left.weight'), [5, 6, 7, 8]);
  });

  test('values in a file of the same folder are read, and those in any other are not', async () => {
    write('weights.bin', floats(7, 8, 9));
    write('elsewhere.bin', floats(1, 2, 3));
    fs.mkdirSync(paths.join(folder, 'inner'), { recursive: true });
    write('inner/weights.bin', floats(7, 8, 9));
    fs.symlinkSync(paths.join(folder, 'elsewhere.bin'), paths.join(folder, 'inner/link.bin'));
    fs.linkSync(paths.join(folder, 'elsewhere.bin'), paths.join(folder, 'inner/hard.bin'));
    const locations = [
      '../elsewhere.bin',
      paths.join(folder, 'elsewhere.bin'),
      'a/../weights.bin',
      'link.bin',
    ];
    const refused = [...locations, 'hard.bin', 'missing.bin', 'file:///etc/passwd', ''];
    const path = write(
      'inner/model.onnx',
      modelFile({
        initializers: [
          external('good', 2, 'weights.bin', 4),
          ...refused.map((location, i) => external(`bad${String(i)}`, 2, location)),
          external('short', 4, 'weights.bin'),
        ],
      }),
    );
    const checkpoint = await opened(path);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['good'],
    );
    assert.deepEqual(await valuesOf(checkpoint, 'good'), [8, 9]);
    assert.deepEqual(codes(checkpoint), new Array(refused.length + 1).fill('graph-external-data'));
    assert.deepEqual(
      checkpoint.files.map((file) => paths.basename(file.path)),
      ['model.onnx', 'weights.bin'],
    );
  });

  test('one broken tensor, sparse ones and types without numbers leave the others readable', async () => {
    const checkpoint = await openModel({
      initializers: [
        raw('good', [2], 1, 2),
        raw('short', [3], 1, 2),
        tensorProto('odd', 99, [1], (w) => w.content(9, Buffer.alloc(1))),
        tensorProto('texts', 8, [1], (w) => w.content(6, 'hello')),
        raw('good', [1], 5),
      ],
      sparse: [raw('thin', [1], 4)],
    });
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['good'],
    );
    assert.deepEqual(codes(checkpoint).sort(), [
      'graph-tensor-size',
      'graph-tensor-type',
      'onnx-name-twice',
      'onnx-sparse',
      'onnx-type',
    ]);
  });

  test('a torn model says that it is torn, and other files are not taken for one', async () => {
    const whole = modelFile({ initializers: [raw('w', [2], 1, 2)] });
    const torn = await openCheckpoint(write('torn.onnx', whole.subarray(0, 30)));
    assert.equal(torn.ok ? 'opened' : torn.problem.code, 'graph-malformed');
    const page = await openCheckpoint(write('page.onnx', Buffer.from('<!doctype html><p>no</p>')));
    assert.equal(page.ok ? 'opened' : page.problem.code, 'web-page');
    assert.equal((await opened(write('model.dat', whole))).container, 'ONNX');
  });

  test('whatever is changed in a valid model, opening it answers and never throws', async () => {
    const valid = modelFile({
      initializers: [
        raw('a.weight', [2, 3], 1, 2, 3, 4, 5, 6),
        tensorProto('halves', 10, [4], (w) => w.integers(5, [1, 2, 3, 4])),
        external('far', 2, 'weights.bin'),
      ],
      nodes: [
        nodeProto('MatMul', ['x', 'a.weight'], 'y', '/a/MatMul'),
        nodeProto('Constant', [], 'k', '', raw('', [2], 1, 2)),
      ],
      sparse: [raw('thin', [1], 4)],
    });
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(60), async (changes, cut) => {
        const changed = Buffer.from(valid.subarray(0, cut > 40 ? valid.length - cut : valid.length));
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const checkpoint = await openCheckpoint(write('mutated.onnx', changed));
        if (!checkpoint.ok) return;
        for (const { span } of checkpoint.value.tensors) {
          assert.ok(span.bytes <= 8 * changed.length);
          await readSpan(span);
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** Every tensor of `one` has the same shape and values, bit for bit, in `other`. */
async function assertSameTensors(
  one: Checkpoint,
  other: Checkpoint,
  names: readonly string[],
): Promise<void> {
  const spans = new Map(other.tensors.map(({ name, span }) => [name, span]));
  for (const { name, span } of one.tensors) {
    if (!names.includes(name)) continue;
    const twin = spans.get(name);
    assert.ok(twin, name);
    assert.deepEqual(span.shape, twin.shape, name);
    const [left, right] = await Promise.all([readSpan(span), readSpan(twin)]);
    assert.ok(left.ok && right.ok);
    // A checkpoint in bfloat16 is exported as float32, which holds the same numbers.
    const [mine, others] = [
      decode(span.dtype, left.value, span.count),
      decode(twin.dtype, right.value, twin.count),
    ];
    assert.ok(Buffer.from(mine.buffer).equals(new Uint8Array(others.buffer)), name);
  }
}

suite('The same model in two containers', () => {
  const skip = fs.existsSync(REAL) && fs.existsSync(ZOO) ? false : 'no real files here';

  test('a face detector is the same as .pth and as .onnx', { skip }, async () => {
    const model = paths.join(REAL, 'Linzaer+Ultra-Light-Fast-Generic-Face-Detector-1MB/models');
    const torch = await opened(paths.join(model, 'pretrained/version-RFB-320.pth'));
    const onnx = await opened(paths.join(model, 'onnx/version-RFB-320.onnx'));
    const names = torch.tensors.map(({ name }) => name);
    assert.ok(names.length > 200);
    await assertSameTensors(torch, onnx, names);
  });

  test('exports of the zoo have the tensors of the checkpoints they were made from', { skip }, async () => {
    for (const name of ['vit-digits', 'charlm', 'moe-toy', 'cnn-digits']) {
      const base = await opened(paths.join(ZOO, name, 'base'));
      const onnx = await opened(paths.join(ZOO, name, 'onnx/base.onnx'));
      const there = new Set(onnx.tensors.map((tensor) => tensor.name));
      const names = base.tensors.flatMap((tensor) => (there.has(tensor.name) ? [tensor.name] : []));
      assert.ok(names.length > 0.9 * base.tensors.filter(({ span }) => span.dtype === 'F32').length, name);
      await assertSameTensors(base, onnx, names);
    }
  });
});
