import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { FORMAT_CODES } from '../../src/format/problems';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { DAMAGED_ENTRIES } from './damaged-entries';
import { DAMAGED_HEADERS, F32, tensor } from './damaged-headers';
import { BITS, safetensorsFile, temporaryFolder, vectors, writeFiles } from './files';

const folder = temporaryFolder();

function write(bytes: Buffer, name = 'case.safetensors'): string {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, bytes);
  return path;
}

for (const { what, file, code, says, at } of [...DAMAGED_HEADERS, ...DAMAGED_ENTRIES]) {
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
