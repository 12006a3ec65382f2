import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { placeInFile } from '../../src/tensor/span';
import { temporaryFolder, writeFiles } from './files';
import { floats, ggufFile, numbers, type GgufOptions, type TensorOfFile, type Value } from './gguf-files';

const folder = temporaryFolder();
let written = 0;

function write(bytes: Buffer): string {
  const path = paths.join(folder, `${String(written++)}.gguf`);
  fs.writeFileSync(path, bytes);
  return path;
}

async function open(path: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

async function refusal(bytes: Buffer): Promise<{ code: string; message: string }> {
  const opened = await openCheckpoint(write(bytes));
  assert.ok(!opened.ok);
  assert.ok(opened.problem.action.length > 0);
  return opened.problem;
}

async function values(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const tensor = checkpoint.tensors.find((each) => each.name === name);
  assert.ok(tensor, `${name} is not among ${checkpoint.tensors.map((each) => each.name).join(', ')}`);
  assert.equal(tensor.span.dtype, 'F32');
  const read = await readSpan(tensor.span);
  assert.ok(read.ok);
  return [...new Float32Array(read.value.buffer, read.value.byteOffset, tensor.span.count)];
}

const METADATA: readonly (readonly [string, Value])[] = [
  ['general.architecture', ['string', 'toy']],
  ['a.u8', ['u8', 255]],
  ['a.i8', ['i8', -128]],
  ['a.u16', ['u16', 65535]],
  ['a.i16', ['i16', -32768]],
  ['a.u32', ['u32', 4294967295]],
  ['a.i32', ['i32', -2147483648]],
  ['a.f32', ['f32', 0.1]],
  ['a.f64', ['f64', 0.1]],
  ['a.u64', ['u64', 2n ** 64n - 1n]],
  ['a.i64', ['i64', -(2n ** 63n)]],
  ['a.bool', ['bool', true]],
  ['a.text', ['string', 'Grüße, 世界']],
  ['a.empty', ['array', 'string', []]],
  ['a.few', ['array', 'i32', [1, -2, 3].map((n): Value => ['i32', n])]],
  ['a.many', ['array', 'u16', Array.from({ length: 1000 }, (_, n): Value => ['u16', n])]],
  [
    'a.tokens',
    ['array', 'string', Array.from({ length: 500 }, (_, n): Value => ['string', `t${String(n)}`])],
  ],
  [
    'a.nested',
    [
      'array',
      'array',
      [
        ['array', 'u8', [['u8', 7]]],
        ['array', 'u8', []],
      ],
    ],
  ],
];

const SHOWN = {
  'general.architecture': 'toy',
  'a.u8': '255',
  'a.i8': '-128',
  'a.u16': '65535',
  'a.i16': '-32768',
  'a.u32': '4294967295',
  'a.i32': '-2147483648',
  'a.f32': '0.1',
  'a.f64': '0.1',
  'a.u64': '18446744073709551615',
  'a.i64': '-9223372036854775808',
  'a.bool': 'true',
  'a.text': 'Grüße, 世界',
  'a.empty': '[]',
  'a.few': '[1, -2, 3]',
  'a.many': '[0, 1, 2, 3, 4, 5, 6, 7, …] (1000 u16)',
  'a.tokens': '["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", …] (500 strings)',
  'a.nested': '[[7], []]',
};

suite('GGUF', () => {
  for (const version of [1, 2, 3] as const) {
    for (const bigEndian of [false, true]) {
      test(`version ${String(version)}, ${bigEndian ? 'big' : 'little'} endian: metadata and values come out as they were written`, async () => {
        const data = floats([1, 2, 3, 4, 5, 6], bigEndian);
        const half = Buffer.from([0x00, 0x3c, 0x00, 0xc0]);
        const tensors: TensorOfFile[] = [
          { name: 'matrix', dimensions: [3, 2], type: 0, data },
          { name: 'halves', dimensions: [2], type: 1, data: bigEndian ? half.swap16() : half },
          { name: 'scalar', dimensions: [], type: 24, data: Buffer.from([5]) },
        ];
        const checkpoint = await open(write(ggufFile(METADATA, tensors, { version, bigEndian })));
        assert.deepEqual({ ...checkpoint.metadata }, SHOWN);
        assert.deepEqual(
          checkpoint.tensors.map(({ name, span }) => [name, span.dtype, span.shape]),
          [
            ['matrix', 'F32', [2, 3]],
            ['halves', 'F16', [2]],
            ['scalar', 'I8', []],
          ],
        );
        assert.deepEqual(await values(checkpoint, 'matrix'), [1, 2, 3, 4, 5, 6]);
        const [, halves] = checkpoint.tensors;
        const read = halves && (await readSpan(halves.span));
        assert.ok(halves && read?.ok);
        assert.deepEqual([...read.value], [0x00, 0x3c, 0x00, 0xc0]);
        assert.deepEqual(checkpoint.findings, []);
        assert.equal(placeInFile(halves.span).label, bigEndian ? 'F16 (big endian)' : 'F16');
      });
    }
  }

  test('quantised tensors are float32 under the name of their type, and have their place on disk', async () => {
    const block = Buffer.from([0x00, 0x40, ...Array.from({ length: 32 }, (_, i) => i)]);
    const tensor = { name: 'q', dimensions: [32, 2], type: 8, data: Buffer.concat([block, block]) };
    const path = write(ggufFile([], [numbers('first', [5]), tensor]));
    const checkpoint = await open(path);
    const doubled = Array.from({ length: 32 }, (_, i) => 2 * i);
    assert.deepEqual(await values(checkpoint, 'q'), [...doubled, ...doubled]);
    const span = checkpoint.tensors[1]?.span;
    assert.ok(span);
    assert.deepEqual([span.shape, placeInFile(span).label, placeInFile(span).bytes], [[2, 32], 'Q8_0', 68]);
    assert.deepEqual(fs.readFileSync(path).subarray(placeInFile(span).offset).subarray(0, 34), block);
  });

  test('other alignments are taken, and data need not follow each other, which is said', async () => {
    const file = ggufFile([['general.alignment', ['u32', 64]]], [numbers('a', [4]), numbers('b', [4], 9)], {
      alignment: 64,
    });
    const aligned = await open(write(file));
    assert.deepEqual([await values(aligned, 'b'), aligned.findings], [[9, 10, 11, 12], []]);
    const odd = ggufFile(
      [],
      [numbers('a', [4]), { ...numbers('b', [4], 9), offset: 20n }, numbers('c', [4])],
    );
    const checkpoint = await open(write(odd));
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-layout'],
    );
  });

  test('a download that broke off says how much is missing and which tensors are whole', async () => {
    const file = ggufFile([], [numbers('a', [8]), numbers('b', [8]), numbers('c', [8])]);
    const { code, message } = await refusal(file.subarray(0, file.length - 40));
    assert.equal(code, 'file-truncated');
    assert.match(message, /40 bytes short/);
    assert.match(message, /1 of 3 tensors are whole; "b" and 1 more are not/);
    const header = await refusal(file.subarray(0, 100));
    assert.equal(header.code, 'file-truncated');
    assert.match(header.message, /at least \d+ bytes? short/);
  });

  test('a type that is not known leaves its tensor out and says which', async () => {
    const odd = { ...numbers('odd', [8]), type: 31 };
    const checkpoint = await open(write(ggufFile([], [numbers('a', [8]), odd, { ...odd, name: 'other' }])));
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a'],
    );
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-tensor-type');
    assert.match(finding.message, /"odd" is of type 31 \(Q4_0_4_4, no longer in use\)\. So are 1 more/);
  });

  test('a big-endian file of a type without a defined order of bytes leaves it out', async () => {
    const tensor = { name: 'q', dimensions: [256], type: 16, data: Buffer.alloc(66) };
    const checkpoint = await open(write(ggufFile([], [tensor], { bigEndian: true })));
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-tensor-type', 'no-tensors'],
    );
  });

  test('keys that stand twice are said, tensors that stand twice are refused', async () => {
    const twice: readonly (readonly [string, Value])[] = [
      ['k', ['u8', 1]],
      ['k', ['u8', 2]],
    ];
    const checkpoint = await open(write(ggufFile(twice, [numbers('a', [1])])));
    assert.equal(checkpoint.metadata['k'], '1');
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-duplicate-key'],
    );
    assert.equal(
      (await refusal(ggufFile([], [numbers('a', [1]), numbers('a', [1])]))).code,
      'gguf-duplicate-tensor',
    );
  });
});

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

suite('GGUF models in parts', () => {
  const part = (
    no: number,
    count: number,
    tensors: readonly TensorOfFile[],
    total = 3,
    options: GgufOptions = {},
  ) =>
    ggufFile(
      [
        ...(no === 0 ? [['general.name', ['string', 'whole']] as const] : []),
        ['split.no', ['u16', no]],
        ['split.count', ['u16', count]],
        ['split.tensors.count', ['i32', total]],
      ],
      tensors,
      options,
    );
  const PARTS = {
    'm-00001-of-00003.gguf': part(0, 3, [numbers('a', [4])]),
    'm-00002-of-00003.gguf': part(1, 3, [numbers('b', [4], 4)]),
    'm-00003-of-00003.gguf': part(2, 3, [numbers('c', [4], 8)]),
  };

  test('any part opens the whole model', async () => {
    const whole = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), PARTS);
    for (const name of Object.keys(PARTS)) {
      const checkpoint = await open(paths.join(whole, name));
      assert.deepEqual(
        checkpoint.tensors.map((tensor) => tensor.name),
        ['a', 'b', 'c'],
      );
      assert.deepEqual(await values(checkpoint, 'c'), [8, 9, 10, 11]);
      assert.equal(checkpoint.container, 'GGUF (3 parts)');
      assert.equal(checkpoint.metadata['general.name'], 'whole');
      assert.equal(checkpoint.files.length, 3);
      assert.deepEqual(checkpoint.findings, []);
    }
  });

  test('a part that is missing is named, and the others are opened', async () => {
    const some = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), PARTS);
    fs.rmSync(paths.join(some, 'm-00002-of-00003.gguf'));
    const checkpoint = await open(paths.join(some, 'm-00003-of-00003.gguf'));
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a', 'c'],
    );
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-split-missing');
    assert.match(finding.message, /1 of 3 parts of the model are missing: "m-00002-of-00003\.gguf"/);
  });

  test('a part under another name is opened alone, and says so', async () => {
    const path = write(PARTS['m-00002-of-00003.gguf']);
    const checkpoint = await open(path);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-split-missing'],
    );
  });

  test('parts that do not belong together are found out', async () => {
    const mixed = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), {
      ...PARTS,
      'm-00002-of-00003.gguf': part(0, 3, [numbers('b', [4])], 4),
    });
    const checkpoint = await open(paths.join(mixed, 'm-00001-of-00003.gguf'));
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-split-mismatch'],
    );
    fs.writeFileSync(paths.join(mixed, 'm-00002-of-00003.gguf'), part(1, 3, [numbers('a', [4])]));
    const opened = await openCheckpoint(paths.join(mixed, 'm-00001-of-00003.gguf'));
    assert.equal(opened.ok ? '' : opened.problem.code, 'gguf-duplicate-tensor');
  });
});

const REAL = paths.resolve(__dirname, '../../../shared/realdata/ggerganov+llama.cpp');
const withReal = fs.existsSync(REAL) ? {} : { skip: 'the real files are not here' };

suite('GGUF files of llama.cpp', withReal, () => {
  test('a vocabulary opens with its metadata shortened, and says that it holds no tensor', async () => {
    const checkpoint = await open(paths.join(REAL, 'models/ggml-vocab-bert-bge.gguf'));
    assert.equal(checkpoint.metadata['general.architecture'], 'bert');
    assert.match(
      checkpoint.metadata['tokenizer.ggml.tokens'] ?? '',
      /^\["\[PAD\]", .*…\] \(30522 strings\)$/,
    );
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['no-tensors'],
    );
  });

  test('experiments from before the format was settled are refused by what they are', async () => {
    const objects = await openCheckpoint(paths.join(REAL, 'hist-394ba656/models/test_writer.gguf'));
    assert.ok(!objects.ok);
    assert.match(objects.problem.message, /unknown type 13/);
    const draft = await openCheckpoint(paths.join(REAL, 'hist-62f4926b/example.gguf'));
    assert.equal(draft.ok ? '' : draft.problem.code, 'gguf-version');
  });
});
