// Small files that stand for much: zip and npz bombs, headers of 100 MB, deep nesting, billion laughs.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { openCheckpoint } from '../../src/format/registry';
import { readSpan } from '../../src/format/read';
import { readAdapterConfig } from '../../src/model/adapter-config';
import { parseStudy } from '../../src/model/study-file';
import { safetensorsFile, temporaryFolder } from '../format/files';
import { torchZipFile } from '../format/torch-files';
import { npyHead, zipFile } from '../graph/data/files';

const folder = temporaryFolder();

async function codeOf(name: string, content: Buffer): Promise<string> {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, content);
  const opened = await openCheckpoint(path);
  if (!opened.ok) return opened.problem.code;
  return ['opened', ...opened.value.findings.map(({ code }) => code)].join(' ');
}

test('a zip entry that claims more than deflate can unpack is refused', async () => {
  const data = Buffer.alloc(100);
  const bomb = zipFile([{ name: 'x.npy', content: data, method: 8, claims: { bytes: 2 ** 31 } }]);
  assert.equal(await codeOf('claims.npz', bomb), 'zip-malformed');
});

test('an array that is packed beyond measure is left out, and nothing of it is unpacked', async () => {
  // 300 MB of zeros behind the header of an array: 300 kB of deflate, made a piece at a time.
  const head = npyHead("{'descr': '<f4', 'fortran_order': False, 'shape': (75000000,), }");
  const bytes = head.length + 300_000_000;
  const packed = packedZeros(head, 300_000_000);
  const bomb = zipFile([{ name: 'x.npy', content: packed, claims: { bytes: packed.length } }]);
  // Written as stored: its method and size are set by hand, in the local header and in the directory.
  for (const at of [bomb.indexOf('PK\x03\x04'), bomb.indexOf('PK\x01\x02')]) {
    const shift = bomb[at + 2] === 3 ? 8 : 10;
    bomb.writeUInt16LE(8, at + shift);
    bomb.writeUInt32LE(bytes, at + shift + 14);
  }
  assert.equal(await codeOf('bomb.npz', bomb), 'opened zip-bomb no-tensors');
});

function packedZeros(head: Buffer, zeros: number): Buffer {
  // A megabyte of zeros ends at a full byte (Z_FULL_FLUSH), so that its bytes may stand one after the other.
  const { Z_FULL_FLUSH } = zlib.constants;
  const part = (bytes: Buffer) => zlib.deflateRawSync(bytes, { finishFlush: Z_FULL_FLUSH });
  const million = part(Buffer.alloc(1_000_000));
  const repeated = Array.from({ length: zeros / 1_000_000 }, () => million);
  return Buffer.concat([part(head), ...repeated, zlib.deflateRawSync(Buffer.alloc(0))]);
}

test('archives in archives are looked into three deep, and entries that overlap are refused', async () => {
  let nested = zipFile([{ name: 'a.pkl', content: Buffer.from('cos\nsystem\n(S"id"\ntR.', 'latin1') }]);
  for (let depth = 0; depth < 3; depth++) {
    assert.equal(await codeOf('nested.zip', nested), 'pickle-runs-code', String(depth));
    nested = zipFile([{ name: 'in.zip', content: nested, method: 8 }]);
  }
  // Every entry of a zip bomb of overlapping files (Fifield 2019) has the same bytes.
  const same = Array.from({ length: 50 }, (_, i) => ({
    name: `${String(i)}.npy`,
    content: Buffer.alloc(8),
    claims: { local: 0 },
  }));
  assert.equal(await codeOf('overlap.npz', zipFile(same)), 'zip-malformed');
});

test('a safetensors header of more than 100 MB, or of 2^63 bytes, is refused before it is read', async () => {
  for (const length of [100_000_001n, 2n ** 63n, 2n ** 64n - 1n]) {
    const start = Buffer.alloc(16, '{');
    start.writeBigUInt64LE(length);
    const path = paths.join(folder, 'large.safetensors');
    fs.writeFileSync(path, start);
    fs.truncateSync(path, 200_000_000);
    const opened = await openCheckpoint(path);
    assert.equal(opened.ok ? 'opened' : opened.problem.code, 'header-too-large');
  }
});

test('JSON that is nested without end is refused wherever it stands', async () => {
  const deep = '['.repeat(100_000);
  assert.equal(await codeOf('deep.safetensors', safetensorsFile(`{"a":{"more":${deep}`)), 'json-depth');
  assert.equal(
    await codeOf('deep.safetensors.index.json', Buffer.from(`{"metadata":${'{"a":'.repeat(100_000)}`)),
    'json-depth',
  );
  const config = readAdapterConfig(`{"peft_type":"LORA","r":${deep}${']'.repeat(100_000)}}`, 'x');
  assert.equal(config.ok ? 'read' : config.problem.code, 'adapter-field-type');
});

test('a study that says the same a billion times is a study with a wrong value', () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `l${String(i + 1)}: &l${String(i + 1)} [*l${String(i)}, *l${String(i)}]`,
  );
  const study = `l0: &l0 x\n${levels.join('\n')}\nbase: *l30\n`;
  const parsed = parseStudy(study, '/x.study.yaml');
  assert.equal(parsed.ok ? 'read' : parsed.problem.code, 'study-invalid');
  const tasks = `tasks:\n  a: &a x\n${Array.from({ length: 2000 }, (_, i) => `  t${String(i)}: *a\n`).join('')}`;
  assert.ok(['study-invalid', 'read'].includes(resultOf(parseStudy(tasks, '/x.study.yaml'))));
  const deep = parseStudy(`base: ${'['.repeat(20_000)}`, '/x.study.yaml');
  assert.notEqual(resultOf(deep), 'read');
});

function resultOf(result: ReturnType<typeof parseStudy>): string {
  return result.ok ? 'read' : result.problem.code;
}

test('a pickle in which lists hold each other has no names without end', async () => {
  // [[…], […]] thirty levels deep, both the same list.
  const lists = `]q\0${'](h\0h\0eq\0'.repeat(30)}.`;
  const bomb = Buffer.concat([Buffer.from('8002', 'hex'), Buffer.from(lists, 'latin1')]);
  const archive = torchZipFile({ raw: bomb.subarray(2, -1) }, {});
  assert.match(await codeOf('shared.pt', archive), /^(?:pickle-malformed|opened no-tensors)$/);
});

test('a tensor of few bytes with a shape of many is left out or refused, never made', async () => {
  const tensor = {
    key: '0',
    storage: 'FloatStorage',
    elements: 1,
    shape: [2 ** 20, 2 ** 20],
    stride: [0, 0],
  };
  const archive = torchZipFile({ dict: [['w', tensor]] }, { 0: Buffer.alloc(4) });
  const path = paths.join(folder, 'expanded.pt');
  fs.writeFileSync(path, archive);
  const opened = await openCheckpoint(path);
  if (opened.ok) {
    for (const { span } of opened.value.tensors) assert.ok(!(await readSpan(span)).ok);
  }
});
