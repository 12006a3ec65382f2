import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
const REAL = paths.resolve(__dirname, '../../../shared/realdata/pykeio+ort/tests/data/adapter.orl');
const skip = fs.existsSync(REAL) ? false : 'no real files here';

function write(content: Buffer): string {
  const path = paths.join(folder, 'adapter.onnx_adapter');
  fs.writeFileSync(path, content);
  return path;
}

interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: number;
  readonly data: Buffer;
}

/** A flatbuffer put together from front to back: tables before what they point to. */
function adapterFile(parameters: readonly Parameter[]): Buffer {
  const root = Buffer.alloc(8 + 12 + 20);
  root.writeUInt32LE(20, 0);
  root.write('TORT', 4, 'latin1');
  // The directory of the root: its size, that of the table, and the places of four fields.
  [12, 20, 4, 8, 12, 16].forEach((x, i) => root.writeUInt16LE(x, 8 + 2 * i));
  root.writeInt32LE(12, 20);
  root.writeInt32LE(1, 24);
  root.writeInt32LE(2, 28);
  root.writeInt32LE(3, 32);
  root.writeUInt32LE(4, 36);
  const list = Buffer.alloc(4 + 4 * parameters.length);
  list.writeUInt32LE(parameters.length, 0);
  const parts: Buffer[] = [root, list];
  let end = root.length + list.length;
  parameters.forEach(({ name, dims, type, data }, i) => {
    const text = Buffer.from(name);
    const table = Buffer.alloc(12 + 20 + 4 + text.length + 4 + 8 * dims.length + 4);
    [12, 20, 4, 8, 12, 16].forEach((x, j) => table.writeUInt16LE(x, 2 * j));
    const [nameAt, dimsAt] = [32, 36 + text.length];
    const dataAt = dimsAt + 4 + 8 * dims.length;
    table.writeInt32LE(12, 12);
    table.writeUInt32LE(nameAt - 16, 16);
    table.writeUInt32LE(dimsAt - 20, 20);
    table.writeInt32LE(type, 24);
    table.writeUInt32LE(dataAt - 28, 28);
    table.writeUInt32LE(text.length, nameAt);
    text.copy(table, nameAt + 4);
    table.writeUInt32LE(dims.length, dimsAt);
    dims.forEach((size, axis) => table.writeBigInt64LE(BigInt(size), dimsAt + 4 + 8 * axis));
    table.writeUInt32LE(data.length, dataAt);
    const at = root.length + 4 + 4 * i;
    list.writeUInt32LE(end + 12 - at, 4 + 4 * i);
    parts.push(table, data);
    end += table.length + data.length;
  });
  return Buffer.concat(parts);
}

const floats = (...values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
const VALID: readonly Parameter[] = [
  { name: 'q.lora_A.weight', dims: [2, 2], type: 1, data: floats(1, 2, 3, 4) },
  { name: 'q.lora_B.weight', dims: [3], type: 10, data: Buffer.from([0, 0x3c, 0, 0x40, 0, 0xc0]) },
];

async function codeOf(file: Buffer): Promise<string> {
  const opened = await openCheckpoint(write(file));
  return opened.ok ? 'opened' : opened.problem.code;
}

suite('Adapters of ONNX Runtime', () => {
  test('parameters have the names, shapes and values that were written', async () => {
    const opened = await openCheckpoint(write(adapterFile(VALID)));
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.deepEqual(
      opened.value.tensors.map(({ name, span }) => [name, span.dtype, span.shape]),
      [
        ['q.lora_A.weight', 'F32', [2, 2]],
        ['q.lora_B.weight', 'F16', [3]],
      ],
    );
    assert.deepEqual(
      { ...opened.value.metadata },
      { format_version: '1', adapter_version: '2', model_version: '3' },
    );
    for (const [i, { data }] of VALID.entries()) {
      const span = opened.value.tensors[i]?.span;
      assert.ok(span);
      const read = await readSpan(span);
      assert.ok(read.ok && Buffer.from(read.value).equals(data));
    }
  });

  test('files that lie are refused', async () => {
    const [first, second] = VALID;
    assert.ok(first && second);
    const wrong: readonly (readonly Parameter[])[] = [
      [{ ...first, dims: [2, 3] }],
      [{ ...first, dims: [-1, -4] }],
      [{ ...first, dims: [2 ** 40, 2 ** 40] }],
      [{ ...first, type: 77 }],
      [first, first],
    ];
    for (const parameters of wrong)
      assert.equal(await codeOf(adapterFile(parameters)), 'onnx-adapter-malformed');
    const whole = adapterFile(VALID);
    assert.equal(await codeOf(whole.subarray(0, whole.length - 1)), 'onnx-adapter-malformed');
  });

  test('whatever is changed in a valid file, opening it answers and never throws', async () => {
    const valid = adapterFile(VALID);
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(60), async (changes, cut) => {
        const changed = Buffer.from(valid.subarray(0, cut > 40 ? valid.length - cut : valid.length));
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const opened = await openCheckpoint(write(changed));
        if (!opened.ok) return;
        for (const { span } of opened.value.tensors) assert.ok(span.offset + span.bytes <= changed.length);
      }),
      { numRuns: 150 },
    );
  });

  test('an adapter of the ort crate has its two factors', { skip }, async () => {
    const opened = await openCheckpoint(REAL);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    const values = await Promise.all(
      opened.value.tensors.map(async ({ name, span }) => {
        const read = await readSpan(span);
        assert.ok(read.ok);
        return [name, span.shape, [...new Float32Array(read.value.buffer)]];
      }),
    );
    // The bytes of the file: 3 4 5 6 under lora_param_a, 7 8 9 10 under lora_param_b.
    assert.deepEqual(
      values.sort(([a], [b]) => String(a).localeCompare(String(b))),
      [
        ['lora_param_a', [4, 1], [3, 4, 5, 6]],
        ['lora_param_b', [1, 4], [7, 8, 9, 10]],
      ],
    );
  });
});
