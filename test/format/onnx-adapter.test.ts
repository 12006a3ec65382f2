import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';
import { adapterFile, type Parameter, VALID } from './onnx-adapter-files';

const folder = temporaryFolder();
const REAL = paths.resolve(__dirname, '../../../shared/realdata/pykeio+ort/tests/data/adapter.orl');
const skip = fs.existsSync(REAL) ? false : 'no real files here';

function write(content: Buffer): string {
  const path = paths.join(folder, 'adapter.onnx_adapter');
  fs.writeFileSync(path, content);
  return path;
}

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
