import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';
import { ggufFile, numbers, type Value } from './gguf-files';

const folder = temporaryFolder();
let written = 0;

function write(bytes: Buffer): string {
  const path = paths.join(folder, `${String(written++)}.gguf`);
  fs.writeFileSync(path, bytes);
  return path;
}

async function refusal(bytes: Buffer): Promise<{ code: string; message: string }> {
  const opened = await openCheckpoint(write(bytes));
  assert.ok(!opened.ok);
  assert.ok(opened.problem.action.length > 0);
  return opened.problem;
}

/** Files that must be refused: what is wrong, the file, the code. The first are of published weaknesses of other readers. */
const HOSTILE: readonly (readonly [string, Buffer | (() => Buffer), string])[] = [
  [
    'more keys than the file has room for (CVE-2024-21802, the counts of the header)',
    ggufFile([], [], { keyCount: 0x1111111111111111n }),
    'gguf-malformed',
  ],
  ['more tensors than the file has room for', ggufFile([], [], { tensorCount: 2n ** 40n }), 'gguf-malformed'],
  ['more tensors than there are', ggufFile([], [numbers('a', [900])], { tensorCount: 150n }), 'any'],
  [
    'a key of 2^64 − 1 bytes (CVE-2024-21802, the length of a text)',
    withLength(2n ** 64n - 1n),
    'gguf-malformed',
  ],
  ['a key longer than the file', withLength(2n ** 40n), 'file-truncated'],
  ['an array of 2^62 strings (CVE-2024-21802)', withArray(8, 2n ** 62n), 'gguf-malformed'],
  ['an array of 2^50 doubles', withArray(12, 2n ** 50n), 'file-truncated'],
  ['an array of 2^40 empty arrays of no type', withArray(9, 2n ** 40n), 'any'],
  [
    'dimensions whose product wraps around to a small number (CVE-2025-53630, CVE-2026-27940)',
    ggufFile([], [{ ...numbers('a', [8]), dimensions: [2n ** 31n, 2n ** 31n, 4n, 1n] }]),
    'gguf-tensor-shape',
  ],
  [
    'a dimension of 2^63',
    ggufFile([], [{ ...numbers('a', [8]), dimensions: [2n ** 63n] }]),
    'gguf-malformed',
  ],
  [
    'dimensions larger than the file (CVE-2026-7482)',
    ggufFile([], [{ ...numbers('a', [8]), dimensions: [2n ** 20n, 2n ** 20n] }]),
    'file-truncated',
  ],
  [
    'an offset that wraps around (CVE-2025-53630)',
    ggufFile([], [{ ...numbers('a', [8]), offset: 2n ** 64n - 32n }]),
    'gguf-malformed',
  ],
  [
    'an offset beyond the file',
    ggufFile([], [{ ...numbers('a', [8]), offset: 2n ** 40n }]),
    'file-truncated',
  ],
  [
    'an offset at the end of what numbers reach',
    ggufFile([], [{ ...numbers('a', [8]), offset: 2n ** 53n - 1n }]),
    'gguf-tensor-shape',
  ],
  ['five dimensions', ggufFile([], [numbers('a', [1, 1, 1, 1, 1])]), 'gguf-tensor-shape'],
  [
    'four thousand million dimensions',
    () => {
      const file = ggufFile([], [numbers('a', [8])]);
      file.writeUInt32LE(0xffffffff, 4 + 4 + 16 + 9);
      return file;
    },
    'gguf-tensor-shape',
  ],
  ['rows that are no whole blocks', ggufFile([], [{ ...numbers('a', [48]), type: 2 }]), 'gguf-tensor-shape'],
  [
    'two tensors over each other',
    ggufFile([], [numbers('a', [16]), { ...numbers('b', [16]), offset: 32n }]),
    'gguf-tensor-overlap',
  ],
  [
    'an alignment of zero',
    ggufFile([['general.alignment', ['u32', 0]]], [numbers('a', [1])]),
    'gguf-malformed',
  ],
  [
    'an alignment of 48',
    ggufFile([['general.alignment', ['u32', 48]]], [numbers('a', [1])]),
    'gguf-malformed',
  ],
  ['an alignment that is a text', ggufFile([['general.alignment', ['string', '32']]], []), 'gguf-malformed'],
  ['an unknown type of value', withArray(200, 1n), 'gguf-malformed'],
  ['version 4', versioned(4), 'gguf-version'],
  ['version 0', versioned(0), 'gguf-version'],
  ['a draft from before version 1', Buffer.from('FUGG\x01\0\0\0'), 'gguf-version'],
  ['nothing after the signature', Buffer.from('GGUF'), 'file-truncated'],
  [
    'arrays nested deeper than any model has',
    () => {
      let value: Value = ['array', 'u8', []];
      for (let depth = 0; depth < 40; depth++) value = ['array', 'array', [value]];
      return ggufFile([['deep', value]], []);
    },
    'gguf-malformed',
  ],
];

function versioned(version: number): Buffer {
  const file = ggufFile([], []);
  file.writeUInt32LE(version, 4);
  return file;
}

/** A file whose first key claims this length. */
function withLength(length: bigint): Buffer {
  const file = ggufFile([['key', ['u8', 1]]], []);
  file.writeBigUInt64LE(length, 24);
  return file;
}

/** A file with an array of this element type and length, and nothing in it. */
function withArray(type: number, length: bigint): Buffer {
  const file = ggufFile([['key', ['array', 'u8', []]]], []);
  file.writeUInt32LE(type, 24 + 8 + 3 + 4);
  file.writeBigUInt64LE(length, 24 + 8 + 3 + 8);
  return file;
}

suite('GGUF files made to do harm', () => {
  for (const [what, made, code] of HOSTILE) {
    test(`${what}: refused, with place and action`, async () => {
      const problem = await refusal(typeof made === 'function' ? made() : made);
      if (code !== 'any') assert.equal(problem.code, code, problem.message);
    });
  }

  test('a header that never ends is refused, not read whole', async () => {
    const start = withArray(12, 2n ** 30n);
    const path = paths.join(folder, 'endless.gguf');
    fs.writeFileSync(path, start);
    fs.truncateSync(path, 2 ** 34);
    const before = process.memoryUsage().arrayBuffers;
    const opened = await openCheckpoint(path);
    assert.ok(!opened.ok);
    assert.equal(opened.problem.code, 'gguf-too-large');
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 26);
  });
});
