import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { placeInFile } from '../../src/tensor/span';
import { temporaryFolder } from './files';
import { floats, ggufFile, numbers, openWhole, valuesOf, type TensorOfFile, type Value } from './gguf-files';

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
        const checkpoint = await openWhole(write(ggufFile(METADATA, tensors, { version, bigEndian })));
        assert.deepEqual({ ...checkpoint.metadata }, SHOWN);
        assert.deepEqual(
          checkpoint.tensors.map(({ name, span }) => [name, span.dtype, span.shape]),
          [
            ['matrix', 'F32', [2, 3]],
            ['halves', 'F16', [2]],
            ['scalar', 'I8', []],
          ],
        );
        assert.deepEqual([...(await valuesOf(checkpoint, 'matrix'))], [1, 2, 3, 4, 5, 6]);
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
    const checkpoint = await openWhole(path);
    const doubled = Array.from({ length: 32 }, (_, i) => 2 * i);
    assert.deepEqual([...(await valuesOf(checkpoint, 'q'))], [...doubled, ...doubled]);
    const span = checkpoint.tensors[1]?.span;
    assert.ok(span);
    assert.deepEqual([span.shape, placeInFile(span).label, placeInFile(span).bytes], [[2, 32], 'Q8_0', 68]);
    assert.deepEqual(fs.readFileSync(path).subarray(placeInFile(span).offset).subarray(0, 34), block);
  });

  test('other alignments are taken, and data need not follow each other, which is said', async () => {
    const file = ggufFile([['general.alignment', ['u32', 64]]], [numbers('a', [4]), numbers('b', [4], 9)], {
      alignment: 64,
    });
    const aligned = await openWhole(write(file));
    assert.deepEqual([[...(await valuesOf(aligned, 'b'))], aligned.findings], [[9, 10, 11, 12], []]);
    const odd = ggufFile(
      [],
      [numbers('a', [4]), { ...numbers('b', [4], 9), offset: 20n }, numbers('c', [4])],
    );
    const checkpoint = await openWhole(write(odd));
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
    const checkpoint = await openWhole(
      write(ggufFile([], [numbers('a', [8]), odd, { ...odd, name: 'other' }])),
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a'],
    );
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-tensor-type');
    assert.match(finding.message, /"odd" is of type 31 \(Q4_0_4_4, no longer in use\)\. So are 1 more/);
  });

  test('keys that stand twice are said, tensors that stand twice are refused', async () => {
    const twice: readonly (readonly [string, Value])[] = [
      ['k', ['u8', 1]],
      ['k', ['u8', 2]],
    ];
    const checkpoint = await openWhole(write(ggufFile(twice, [numbers('a', [1])])));
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

const REAL = paths.resolve(__dirname, '../../../shared/realdata/ggerganov+llama.cpp');
const withReal = fs.existsSync(REAL) ? {} : { skip: 'the real files are not here' };

suite('GGUF files of llama.cpp', withReal, () => {
  test('a vocabulary opens with its metadata shortened, and says that it holds no tensor', async () => {
    const checkpoint = await openWhole(paths.join(REAL, 'models/ggml-vocab-bert-bge.gguf'));
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
