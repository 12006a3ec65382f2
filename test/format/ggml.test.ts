import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';
import { floats, numbers, tensorBytes, TENSORS, whisperFile } from './ggml-files';

const folder = temporaryFolder();

function write(content: Buffer): string {
  const path = paths.join(folder, 'ggml-tiny.bin');
  fs.writeFileSync(path, content);
  return path;
}

suite('Files of whisper.cpp', () => {
  test('tensors have the shapes and values that were written, quantised ones, too', async () => {
    const opened = await openCheckpoint(write(whisperFile(TENSORS)));
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    const { tensors, metadata } = opened.value;
    assert.equal(metadata.n_audio_ctx, '10');
    assert.deepEqual(
      tensors.map(({ name, span }) => [name, span.stored?.label ?? span.dtype, span.shape]),
      [
        ['encoder.conv1.bias', 'F32', [3, 2]],
        ['decoder.weight', 'Q8_0', [1, 32]],
      ],
    );
    const values = await Promise.all(
      tensors.map(async ({ span }) => {
        const read = await readSpan(span);
        assert.ok(read.ok);
        return [...new Float32Array(read.value.buffer)];
      }),
    );
    assert.deepEqual(values, [[1, 2, 3, 4, 5, 6], Array.from({ length: 32 }, (_, i) => (i - 16) / 2)]);
  });

  test('an adapter from before GGUF has rank, alpha and factors, whose values are aligned', async () => {
    const head = Buffer.concat([Buffer.from('algg'), numbers(1, 8, 16)]);
    const a = { name: 'layers.0.wq.weight.loraA', sizes: [2, 1], type: 0, data: floats(3, 4) };
    const file = Buffer.concat([head, tensorBytes(a, head.length, 32)]);
    const opened = await openCheckpoint(write(file));
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.deepEqual({ ...opened.value.metadata }, { version: '1', lora_r: '8', lora_alpha: '16' });
    const span = opened.value.tensors[0]?.span;
    assert.ok(span);
    const read = await readSpan(span);
    assert.ok(read.ok);
    assert.deepEqual([...new Float32Array(read.value.buffer)], [3, 4]);
  });

  test('a torn file says what is whole, and an unknown type leaves out the rest', async () => {
    const whole = whisperFile(TENSORS);
    const torn = await openCheckpoint(write(whole.subarray(0, whole.length - 3)));
    assert.ok(!torn.ok);
    assert.equal(torn.problem.code, 'file-truncated');
    assert.match(torn.problem.message, /3 bytes short.*1 tensor before it/);
    const [first, second] = TENSORS;
    assert.ok(first && second);
    const odd = await openCheckpoint(write(whisperFile([first, { ...second, type: 4 }, first])));
    assert.ok(odd.ok);
    assert.equal(odd.value.tensors.length, 1);
    assert.deepEqual(
      odd.value.findings.map(({ code }) => code),
      ['ggml-type'],
    );
    const twice = await openCheckpoint(write(whisperFile([first, first])));
    assert.equal(twice.ok ? 'opened' : twice.problem.code, 'ggml-malformed');
  });

  test('whatever is changed in a valid file, opening it answers and never throws', async () => {
    const valid = whisperFile(TENSORS);
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(60), async (changes, cut) => {
        const changed = Buffer.from(valid.subarray(0, cut > 40 ? valid.length - cut : valid.length));
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const opened = await openCheckpoint(write(changed));
        if (!opened.ok) return;
        for (const { span } of opened.value.tensors) assert.ok(span.bytes <= 64 * changed.length);
      }),
      { numRuns: 120 },
    );
  });
});
