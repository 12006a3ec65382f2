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

function write(content: Buffer): string {
  const path = paths.join(folder, 'ggml-tiny.bin');
  fs.writeFileSync(path, content);
  return path;
}

function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

interface Tensor {
  readonly name: string;
  /** In the order of the file: the axis that varies fastest comes first. */
  readonly sizes: readonly number[];
  readonly type: number;
  readonly data: Buffer;
}

function tensorBytes({ name, sizes, type, data }: Tensor, at = 0, alignment = 1): Buffer {
  const head = Buffer.concat([numbers(sizes.length, name.length, type, ...sizes), Buffer.from(name)]);
  const gap = (alignment - ((at + head.length) % alignment)) % alignment;
  return Buffer.concat([head, Buffer.alloc(gap), data]);
}

/** Magic, eleven sizes, a table of 1 × 2 filters, two words, tensors. */
function whisperFile(tensors: readonly Tensor[]): Buffer {
  const word = (text: string) => Buffer.concat([numbers(text.length), Buffer.from(text)]);
  return Buffer.concat([
    Buffer.from('lmgg'),
    numbers(2, 10, 4, 1, 1, 8, 4, 1, 1, 1, 1),
    numbers(1, 2),
    Buffer.alloc(8),
    numbers(2),
    word('a'),
    word('bc'),
    ...tensors.map((tensor) => tensorBytes(tensor)),
  ]);
}

const floats = (...values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
/** A block of Q8_0: scale 0.5 as a half, then 32 signed bytes. */
const block = Buffer.from([0, 0x38, ...Array.from({ length: 32 }, (_, i) => (i - 16) & 255)]);
const TENSORS: readonly Tensor[] = [
  { name: 'encoder.conv1.bias', sizes: [2, 3], type: 0, data: floats(1, 2, 3, 4, 5, 6) },
  { name: 'decoder.weight', sizes: [32, 1], type: 8, data: block },
];

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
