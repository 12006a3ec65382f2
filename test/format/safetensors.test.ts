import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { FORMAT_CODES } from '../../src/format/problems';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { BITS, safetensorsFile, temporaryFolder, vectors, writeFiles } from './files';

const folder = temporaryFolder();

function write(bytes: Buffer, name = 'case.safetensors'): string {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, bytes);
  return path;
}

function tensor(dtype: unknown, shape: unknown, start: unknown, end: unknown): object {
  return { dtype, shape, data_offsets: [start, end] };
}

const F32 = tensor('F32', [2], 0, 8);
const entry = (fields: string) => `{"t":{${fields}}}`;

interface Bad {
  readonly what: string;
  readonly file: Buffer;
  readonly code: string;
  /** What the message must say besides the path. */
  readonly says: RegExp;
  readonly at?: string;
}

const BAD: readonly Bad[] = [
  { what: 'no bytes at all', file: Buffer.alloc(0), code: 'file-empty', says: /empty/ },
  { what: 'half a length', file: Buffer.from([9, 0, 0]), code: 'file-truncated', says: /is 5 bytes short/ },
  {
    what: 'a header of length 0',
    file: safetensorsFile(''),
    code: 'header-start',
    says: /is empty \(byte 8\)/,
  },
  {
    what: 'a header longer than the file',
    file: safetensorsFile('{}').subarray(0, 9),
    code: 'header-beyond-file',
    says: /at least 1 byte short.*claims 2 bytes.*has 9/,
  },
  {
    what: 'a header longer than 100 MB',
    file: Buffer.concat([Buffer.from([1, 0xe1, 0xf5, 5, 0, 0, 0, 0]), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 100000001 bytes/,
  },
  {
    what: 'a header length of 2^32 + 2',
    file: Buffer.concat([Buffer.from([2, 0, 0, 0, 1, 0, 0, 0]), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 4294967298 bytes/,
  },
  {
    what: 'a header length of 2^64 − 1',
    file: Buffer.concat([Buffer.alloc(8, 0xff), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 18446744073709551615 bytes/,
  },
  {
    what: 'a header that begins with a space',
    file: safetensorsFile(' {}'),
    code: 'header-start',
    says: /byte 0x20/,
  },
  { what: 'an array as header', file: safetensorsFile('[]'), code: 'header-start', says: /byte 0x5b/ },
  {
    what: 'a header that stops',
    file: safetensorsFile('{"t":'),
    code: 'json-syntax',
    says: /end of the text \(byte 13\)/,
  },
  {
    what: 'a NUL after the header',
    file: safetensorsFile('{}\0'),
    code: 'json-syntax',
    says: /byte 0x0.*\(byte 10\)/,
  },
  { what: 'two headers', file: safetensorsFile('{}{}'), code: 'json-syntax', says: /\(byte 10\)/ },
  {
    what: 'a name in invalid UTF-8',
    file: safetensorsFile(Buffer.from('{"\xff":1}', 'latin1')),
    code: 'json-utf8',
    says: /UTF-8 \(byte 10\)/,
  },
  {
    what: 'a surrogate in a name',
    file: safetensorsFile('{"\\ud83d":1}'),
    code: 'json-syntax',
    says: /escape.*\(byte 10\)/,
  },
  {
    what: 'endless nesting',
    file: safetensorsFile(entry(`"x":${'['.repeat(100_000)}`)),
    code: 'json-depth',
    says: /deeper than 64/,
  },
  {
    what: 'one tensor name twice',
    file: safetensorsFile(
      `{"t":${JSON.stringify(F32)},"t":${JSON.stringify(tensor('F32', [2], 8, 16))}}`,
      16,
    ),
    code: 'duplicate-tensor',
    says: /"t" appears a second time \(byte 62\)/,
  },
  {
    what: 'a field twice',
    file: safetensorsFile(entry('"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]'), 8),
    code: 'json-duplicate-key',
    says: /tensor "t".*"dtype" appears a second time/,
    at: 't',
  },
  {
    what: '__metadata__ twice',
    file: safetensorsFile('{"__metadata__":{},"__metadata__":{}}'),
    code: 'duplicate-tensor',
    says: /"__metadata__" appears a second time/,
  },
  {
    what: 'a key of __metadata__ twice',
    file: safetensorsFile('{"__metadata__":{"a":"1","a":"2"}}'),
    code: 'json-duplicate-key',
    says: /__metadata__.*"a" appears a second time/,
    at: '__metadata__',
  },
  {
    what: 'a number in __metadata__',
    file: safetensorsFile({ __metadata__: { epoch: 3 } }),
    code: 'metadata-not-text',
    says: /expected a string, found a number \(byte 33\)/,
  },
  {
    what: 'a list as __metadata__',
    file: safetensorsFile({ __metadata__: [] }),
    code: 'metadata-not-text',
    says: /expected an object, found an array/,
  },
  {
    what: 'a number as tensor',
    file: safetensorsFile({ t: 1 }),
    code: 'tensor-entry',
    says: /expected an object/,
    at: 't',
  },
  {
    what: 'a tensor named __proto__ that is none',
    file: safetensorsFile('{"__proto__":null}'),
    code: 'tensor-entry',
    says: /"__proto__"/,
    at: '__proto__',
  },
  {
    what: 'no dtype',
    file: safetensorsFile(entry('"shape":[],"data_offsets":[0,0]')),
    code: 'tensor-entry',
    says: /"dtype" is missing/,
  },
  {
    what: 'no shape',
    file: safetensorsFile(entry('"dtype":"U8","data_offsets":[0,0]')),
    code: 'tensor-entry',
    says: /"shape" is missing/,
  },
  {
    what: 'no data_offsets',
    file: safetensorsFile(entry('"dtype":"U8","shape":[]')),
    code: 'tensor-entry',
    says: /"data_offsets" is missing/,
  },
  {
    what: 'one offset',
    file: safetensorsFile({ t: { dtype: 'U8', shape: [0], data_offsets: [0] } }),
    code: 'tensor-entry',
    says: /needs two numbers/,
  },
  {
    what: 'three offsets',
    file: safetensorsFile({ t: { dtype: 'U8', shape: [0], data_offsets: [0, 0, 0] } }),
    code: 'tensor-entry',
    says: /more than 2/,
  },
  {
    what: 'an unknown dtype',
    file: safetensorsFile({ t: tensor('F31', [2], 0, 8) }, 8),
    code: 'tensor-dtype',
    says: /"F31" is unknown/,
    at: 't',
  },
  {
    what: 'a dtype in small letters',
    file: safetensorsFile({ t: tensor('f32', [2], 0, 8) }, 8),
    code: 'tensor-dtype',
    says: /"f32"/,
  },
  {
    what: 'a dtype named like a prototype',
    file: safetensorsFile({ t: tensor('__proto__', [2], 0, 8) }, 8),
    code: 'tensor-dtype',
    says: /"__proto__"/,
  },
  {
    what: 'a dtype that is null',
    file: safetensorsFile({ t: tensor(null, [2], 0, 8) }, 8),
    code: 'tensor-entry',
    says: /a string, found null/,
  },
  {
    what: 'a negative size',
    file: safetensorsFile({ t: tensor('F32', [-2], 0, 8) }, 8),
    code: 'json-number',
    says: /-2 is negative/,
    at: 't',
  },
  {
    what: 'two negative sizes',
    file: safetensorsFile({ t: tensor('F32', [-1, -2], 0, 8) }, 8),
    code: 'json-number',
    says: /-1 is negative/,
  },
  {
    what: 'a fractional size',
    file: safetensorsFile({ t: tensor('F32', [2.5], 0, 10) }, 10),
    code: 'json-number',
    says: /2\.5 is not written as a whole number/,
  },
  {
    what: 'a size as 2.0',
    file: safetensorsFile(entry('"dtype":"F32","shape":[2.0],"data_offsets":[0,8]'), 8),
    code: 'json-number',
    says: /2\.0 is not/,
  },
  {
    what: 'a size as text',
    file: safetensorsFile({ t: tensor('F32', ['2'], 0, 8) }, 8),
    code: 'tensor-entry',
    says: /a number, found a string/,
  },
  {
    what: 'a size beyond 2^53',
    file: safetensorsFile(entry('"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,8]'), 8),
    code: 'json-number',
    says: /9007199254740993 is larger/,
  },
  {
    what: 'sizes that overflow 64 bits to the right span',
    file: safetensorsFile({ t: tensor('F32', [2 ** 32, 2 ** 32, 4], 0, 0) }),
    code: 'tensor-overflow',
    says: /larger than any file/,
    at: 't',
  },
  {
    what: 'sizes that overflow before a zero',
    file: safetensorsFile({ t: tensor('F32', [2 ** 40, 2 ** 40, 0], 0, 0) }),
    code: 'tensor-overflow',
    says: /larger/,
  },
  {
    what: 'a span at the end of all numbers',
    file: safetensorsFile({ t: tensor('U8', [Number.MAX_SAFE_INTEGER], 0, Number.MAX_SAFE_INTEGER) }),
    code: 'tensor-overflow',
    says: /larger/,
  },
  {
    what: '65 dimensions',
    file: safetensorsFile({ t: tensor('U8', Array(65).fill(1), 0, 1) }, 1),
    code: 'tensor-rank',
    says: /more than 64/,
  },
  {
    what: 'a shape larger than the span',
    file: safetensorsFile({ t: tensor('F32', [3], 0, 8) }, 8),
    code: 'tensor-size',
    says: /F32 \[3\] takes 12 bytes, but data_offsets spans 8 bytes/,
    at: 't',
  },
  {
    what: 'a shape smaller than the span',
    file: safetensorsFile({ t: tensor('F32', [1], 0, 8) }, 8),
    code: 'tensor-size',
    says: /takes 4 bytes/,
  },
  {
    what: 'three 4-bit elements',
    file: safetensorsFile({ t: tensor('F4', [3], 0, 2) }, 2),
    code: 'tensor-packing',
    says: /3 elements of 4 bits/,
  },
  {
    what: 'two 6-bit elements',
    file: safetensorsFile({ t: tensor('F6_E2M3', [2], 0, 2) }, 2),
    code: 'tensor-packing',
    says: /2 elements of 6 bits/,
  },
  {
    what: 'an end before its beginning',
    file: safetensorsFile({ t: tensor('U8', [2], 4, 2) }, 4),
    code: 'tensor-offsets',
    says: /ends at 2 and begins at 4/,
  },
  {
    what: 'negative offsets',
    file: safetensorsFile({ t: tensor('U8', [8], -8, 0) }, 8),
    code: 'json-number',
    says: /-8 is negative/,
  },
  {
    what: 'data that does not begin at 0',
    file: safetensorsFile({ t: tensor('U8', [2], 2, 4) }, 4),
    code: 'tensor-gap',
    says: /2 bytes between the header and tensor "t"/,
    at: 't',
  },
  {
    what: 'a gap',
    file: safetensorsFile({ a: tensor('U8', [2], 0, 2), b: tensor('U8', [2], 3, 5) }, 5),
    code: 'tensor-gap',
    says: /1 byte between tensor "a" and tensor "b".*offset 2/,
    at: 'b',
  },
  {
    what: 'an overlap',
    file: safetensorsFile({ a: tensor('U8', [4], 0, 4), b: tensor('U8', [4], 2, 6) }, 6),
    code: 'tensor-overlap',
    says: /"b" begins at data offset 2, inside tensor "a", which ends at 4/,
    at: 'b',
  },
  {
    what: 'two tensors over the same bytes',
    file: safetensorsFile({ a: F32, b: F32 }, 8),
    code: 'tensor-overlap',
    says: /inside tensor "a"/,
  },
  {
    what: 'an empty tensor inside another',
    file: safetensorsFile({ a: tensor('U8', [4], 0, 4), b: tensor('U8', [0], 2, 2) }, 4),
    code: 'tensor-overlap',
    says: /"b" begins/,
  },
  {
    what: 'missing data',
    file: safetensorsFile({ t: F32 }, 3),
    code: 'file-truncated',
    says: /is 5 bytes short: its header describes 70 bytes, the file has 65\. No tensor is whole; not whole: "t"\./,
  },
  {
    what: 'one missing byte',
    file: safetensorsFile({ t: F32 }, 7),
    code: 'file-truncated',
    says: /is 1 byte short/,
  },
  {
    what: 'a download that broke off in the second of three tensors',
    file: safetensorsFile(
      { a: tensor('U8', [4], 0, 4), b: tensor('U8', [4], 4, 8), c: tensor('U8', [4], 8, 12) },
      6,
    ),
    code: 'file-truncated',
    says: /is 6 bytes short: .* Whole up to "a" \(1 tensor\); not whole: "b", "c"\./,
  },
];

for (const { what, file, code, says, at } of BAD) {
  test(`${what} is refused with ${code}`, async () => {
    const path = write(file);
    const opened = await openCheckpoint(path);
    assert.ok(!opened.ok);
    const { problem } = opened;
    assert.equal(problem.code, code);
    assert.equal(problem.path, path);
    assert.ok(problem.message.startsWith(path), problem.message);
    assert.match(problem.message, says);
    assert.ok(problem.action.length > 10);
    if (at !== undefined) assert.equal(problem.at, at);
  });
}

const GOOD: readonly { what: string; file: Buffer; tensors: number; findings?: string[] }[] = [
  {
    what: 'spaces after the header',
    file: safetensorsFile(JSON.stringify({ t: F32 }) + ' '.repeat(13), 8),
    tensors: 1,
  },
  { what: 'a scalar', file: safetensorsFile({ t: tensor('F32', [], 0, 4) }, 4), tensors: 1 },
  { what: 'a tensor of size zero', file: safetensorsFile({ t: tensor('F32', [0, 7], 0, 0) }), tensors: 1 },
  {
    what: 'empty tensors among others',
    file: safetensorsFile(
      { z: tensor('U8', [0], 2, 2), a: tensor('U8', [2], 0, 2), b: tensor('U8', [1], 2, 3) },
      3,
    ),
    tensors: 3,
  },
  {
    what: 'tensors listed in another order than their data',
    file: safetensorsFile({ b: tensor('U8', [2], 4, 6), a: tensor('F32', [1], 0, 4) }, 6),
    tensors: 2,
  },
  {
    what: 'data that is not aligned',
    file: safetensorsFile({ a: tensor('U8', [1], 0, 1), b: tensor('F64', [1], 1, 9) }, 9),
    tensors: 2,
  },
  { what: 'no tensor', file: safetensorsFile('{}'), tensors: 0, findings: ['no-tensors'] },
  {
    what: '__metadata__ that is null',
    file: safetensorsFile({ __metadata__: null, t: F32 }, 8),
    tensors: 1,
    findings: ['metadata-null'],
  },
  {
    what: '__metadata__ that is empty',
    file: safetensorsFile({ __metadata__: {}, t: F32 }, 8),
    tensors: 1,
    findings: ['metadata-empty'],
  },
  {
    what: 'an unknown field',
    file: safetensorsFile({ t: { ...F32, note: [{ a: null }] } }, 8),
    tensors: 1,
    findings: ['tensor-unknown-field'],
  },
  {
    what: 'bytes after the last tensor',
    file: safetensorsFile({ t: F32 }, 9),
    tensors: 1,
    findings: ['trailing-bytes'],
  },
  { what: 'a tensor without a name', file: safetensorsFile({ '': F32 }, 8), tensors: 1 },
];

for (const { what, file, tensors, findings = [] } of GOOD) {
  test(`${what} can be read${findings.length > 0 ? ', with a finding' : ''}`, async () => {
    const path = write(file);
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.tensors.length, tensors);
    assert.deepEqual(
      opened.value.findings.map((finding) => finding.code),
      findings,
    );
    for (const finding of opened.value.findings) {
      assert.equal(finding.path, path);
      assert.notEqual(finding.severity, 'error');
    }
  });
}

test('the name of a file does not matter', async () => {
  const opened = await openCheckpoint(write(vectors(['a', 'b']), 'weights.of.today'));
  assert.ok(opened.ok);
  assert.equal(opened.value.container, 'safetensors');
});

test('a header length whose first bytes look like a pickle is still a safetensors file', async () => {
  const json = JSON.stringify({ t: F32 });
  const file = safetensorsFile(json.padEnd(0x280), 8);
  assert.deepEqual([...file.subarray(0, 2)], [0x80, 0x02]);
  assert.ok((await openCheckpoint(write(file))).ok);
});

test('values are read from where the header says, whatever the order, and every element type has its width', async () => {
  const values = Object.entries(BITS).map(([dtype, bits], index) => ({
    dtype,
    bytes: Buffer.alloc(bits, index + 1),
  }));
  let end = 0;
  const entries = values.map(({ dtype, bytes }) => {
    end += bytes.length;
    return [`t.${dtype}`, tensor(dtype, [2, 4], end - bytes.length, end)] as const;
  });
  const data = Buffer.concat(values.map(({ bytes }) => bytes));
  const opened = await openCheckpoint(write(safetensorsFile(Object.fromEntries(entries.toReversed()), data)));
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tensors.map(({ name }) => name),
    entries.map(([name]) => name),
    'in file order',
  );
  for (const [index, { span }] of opened.value.tensors.entries()) {
    assert.equal(span.count, 8);
    const read = await readSpan(span);
    assert.ok(read.ok);
    assert.deepEqual(Buffer.from(read.value), values[index]?.bytes);
  }
});

test('__proto__ is a tensor and a metadata key like any other', async () => {
  const json = `{"__metadata__":{"__proto__":"m"},"__proto__":${JSON.stringify(F32)}}`;
  const opened = await openCheckpoint(write(safetensorsFile(json, 8)));
  assert.ok(opened.ok);
  assert.equal(opened.value.tensors[0]?.name, '__proto__');
  assert.deepEqual(Object.entries(opened.value.metadata), [['__proto__', 'm']]);
});

test('metadata and names in any script arrive unchanged', async () => {
  const metadata = { ключ: 'значение', emoji: '🤖\u0000\n"' };
  const opened = await openCheckpoint(
    write(safetensorsFile({ __metadata__: metadata, 'слой.権重': F32 }, 8)),
  );
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.metadata, metadata);
  assert.equal(opened.value.tensors[0]?.name, 'слой.権重');
});

test('a name in a message cannot break the line or turn its direction', async () => {
  const name = `\u001b[31m\n\u202e${'x'.repeat(5000)}`;
  const opened = await openCheckpoint(write(safetensorsFile({ [name]: 1 })));
  assert.ok(!opened.ok);
  assert.ok([...opened.problem.message].every((character) => character >= ' ' && character !== '\u202e'));
  assert.ok(opened.problem.message.length < 600);
  assert.equal(opened.problem.at, name);
});

test('the fingerprint changes with the header, the size and the time of modification, and with nothing else', async () => {
  const fingerprint = async (bytes: Buffer, modified: number) => {
    const path = write(bytes);
    fs.utimesSync(path, modified, modified);
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok);
    return opened.value.fingerprint;
  };
  const first = await fingerprint(vectors(['a']), 1e9);
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(await fingerprint(vectors(['a']), 1e9), first);
  const others = [
    await fingerprint(vectors(['b']), 1e9),
    await fingerprint(Buffer.concat([vectors(['a']), Buffer.alloc(1)]), 1e9),
    await fingerprint(vectors(['a']), 1e9 + 1),
  ];
  assert.equal(new Set([first, ...others]).size, 4);
});

test('a file that shrank after it was opened is said to have changed', async () => {
  const path = write(vectors(['a', 'b']));
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok);
  fs.truncateSync(path, fs.statSync(path).size - 3);
  const [a, b] = await Promise.all(opened.value.tensors.map(({ span }) => readSpan(span)));
  assert.ok(a?.ok);
  assert.ok(b && !b.ok);
  assert.equal(b.problem.code, 'file-changed');
  assert.match(b.problem.message, /is 3 bytes short/);
});

test('a span is read into memory of its own, so that any typed array can view it', async () => {
  const file = safetensorsFile({ a: tensor('U8', [1], 0, 1), b: tensor('F64', [2], 1, 17) }, 17);
  const opened = await openCheckpoint(write(file));
  assert.ok(opened.ok);
  const span = opened.value.tensors[1]?.span;
  assert.ok(span);
  const read = await readSpan(span);
  assert.ok(read.ok);
  assert.equal(new Float64Array(read.value.buffer, read.value.byteOffset).length, 2);
});

const FOREIGN: readonly (readonly [
  what: string,
  name: string,
  bytes: Buffer | string,
  code: string,
  says: RegExp,
])[] = [
  [
    'a Git LFS pointer',
    'model.safetensors',
    'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n',
    'git-lfs-pointer',
    /pointer/,
  ],
  [
    'a web page',
    'model.safetensors',
    '\n<!DOCTYPE html><html><body>404</body></html>',
    'web-page',
    /web page/,
  ],
  [
    'an XML error',
    'model.safetensors',
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    'web-page',
    /web page/,
  ],
  ['a JSON error', 'model.safetensors', '{"error":"Repository not found"}', 'web-page', /JSON/],
  [
    'a torn zip checkpoint',
    'pytorch_model.bin',
    Buffer.from('PK\x03\x04\x00\x00\x08\x08rest of it'),
    'zip-malformed',
    /no zip directory at its end/,
  ],
  ['a pickle', 'pytorch_model.bin', Buffer.from('\x80\x02}q\x00.', 'latin1'), 'format-unsupported', /pickle/],
  ['other JSON', 'config.json', '{"model_type": "gpt2"}', 'not-a-checkpoint', /nothing/],
  ['plain text', 'notes.txt', 'some notes about training', 'not-a-checkpoint', /nothing/],
  [
    'text under the name of a checkpoint',
    'model.safetensors',
    'some notes about training',
    'header-too-large',
    /claims/,
  ],
];

for (const [what, name, bytes, code, says] of FOREIGN) {
  test(`${what} (${name}) is refused with ${code}`, async () => {
    const path = write(Buffer.from(bytes as string), name);
    const opened = await openCheckpoint(path);
    assert.ok(!opened.ok);
    assert.equal(opened.problem.code, code);
    assert.equal(opened.problem.path, path);
    assert.match(opened.problem.message, says);
  });
}

test('a missing file is said to be missing', async () => {
  const opened = await openCheckpoint(paths.join(folder, 'none.safetensors'));
  assert.ok(!opened.ok);
  assert.equal(opened.problem.code, 'file-missing');
});

test('a pipe is refused instead of waited for', { skip: process.platform === 'win32' }, async () => {
  const path = paths.join(folder, 'pipe.safetensors');
  execFileSync('mkfifo', [path]);
  const opened = await openCheckpoint(path);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.code, 'not-a-file');
  const inside = writeFiles(paths.join(folder, 'with-pipe'), {});
  fs.mkdirSync(inside);
  execFileSync('mkfifo', [paths.join(inside, 'model.safetensors')]);
  const found = await openCheckpoint(inside);
  assert.ok(!found.ok);
  assert.equal(found.problem.code, 'not-a-file');
});

test('every code is kebab-case, explained in one line, and says what to do', () => {
  for (const { code, explanation, action } of FORMAT_CODES) {
    assert.match(code, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.match(explanation, /^[A-Z_].*\.$/);
    assert.match(action, /^[A-Z].*\.$/);
  }
});
