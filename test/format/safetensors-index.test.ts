import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { readDirectory } from '../../src/format/safetensors';
import { checkIndex, parseIndex, type Shard } from '../../src/format/safetensors-index';
import { locateShard, readShards, shardOf } from '../../src/format/safetensors-sharded';
import { temporaryFolder, vectors, writeFiles, writeSparse } from './files';

const INDEX = 'model.safetensors.index.json';
const A = 'model-00001-of-00002.safetensors';
const B = 'model-00002-of-00002.safetensors';

function indexText(weightMap: Readonly<Record<string, unknown>>, totalSize?: unknown): string {
  return JSON.stringify({ metadata: { total_size: totalSize }, weight_map: weightMap });
}

/**
 * A model of two shards with tensors a1, a2 and b1 (8 bytes each), with other files or another index where
 * given.
 */
function model(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const complete = {
    [A]: vectors(['a1', 'a2']),
    [B]: vectors(['b1']),
    [INDEX]: indexText({ b1: B, a1: A, a2: A }, 24),
  };
  return writeFiles(temporaryFolder(), { ...complete, ...files });
}

async function codesOf(folder: string): Promise<string[]> {
  const opened = await openCheckpoint(paths.join(folder, INDEX));
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value.findings.map((finding) => finding.code);
}

async function problemOf(folder: string) {
  const opened = await openCheckpoint(paths.join(folder, INDEX));
  assert.ok(!opened.ok);
  return opened.problem;
}

test('all shards of an index open as one model, shard by shard', async () => {
  const folder = model();
  const opened = await openCheckpoint(paths.join(folder, INDEX));
  assert.ok(opened.ok);
  const { container, files, tensors, findings, path } = opened.value;
  assert.equal(path, paths.join(folder, INDEX));
  assert.equal(container, 'safetensors (sharded)');
  assert.deepEqual(
    files.map((file) => paths.basename(file.path)),
    [A, B],
  );
  assert.deepEqual(
    tensors.map(({ name, span }) => [name, paths.basename(span.path)]),
    [
      ['a1', A],
      ['a2', A],
      ['b1', B],
    ],
  );
  assert.deepEqual(findings, []);
});

test('an index is recognised by its content, and a shard opened by itself is only that shard', async () => {
  const folder = model({ 'weights.json': indexText({ a1: A, a2: A, b1: B }) });
  const renamed = await openCheckpoint(paths.join(folder, 'weights.json'));
  assert.ok(renamed.ok);
  assert.equal(renamed.value.tensors.length, 3);
  const shard = await openCheckpoint(paths.join(folder, B));
  assert.ok(shard.ok);
  assert.deepEqual(
    shard.value.tensors.map(({ name }) => name),
    ['b1'],
  );
});

test('only the shards that the index names are opened', async () => {
  const folder = model({ 'model-00003-of-00002.safetensors': 'broken' });
  assert.deepEqual(await codesOf(folder), []);
});

test('shards in folders below are part of the model', async () => {
  const folder = model({
    'parts/c.safetensors': vectors(['c']),
    [INDEX]: indexText({ c: 'parts/c.safetensors' }),
  });
  assert.deepEqual(await codesOf(folder), []);
});

test('metadata of the shards is joined; what they say differently, the first says', async () => {
  const json = (text: string, start: string) => {
    const header = Buffer.from(
      `{"__metadata__":${text},"${start}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`,
    );
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    return Buffer.concat([length, header]);
  };
  const folder = model({
    [A]: json('{"format":"pt","one":"1"}', 'a1'),
    [B]: json('{"format":"np","two":"2"}', 'b1'),
    [INDEX]: indexText({ a1: A, b1: B }),
  });
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  assert.deepEqual({ ...opened.value.metadata }, { format: 'pt', one: '1', two: '2' });
});

test('the fingerprint changes with the index and with every shard', async () => {
  const folder = model();
  const fingerprint = async () => {
    const opened = await openCheckpoint(folder);
    assert.ok(opened.ok);
    return opened.value.fingerprint;
  };
  const first = await fingerprint();
  assert.equal(await fingerprint(), first);
  fs.utimesSync(paths.join(folder, B), 5, 5);
  const second = await fingerprint();
  fs.writeFileSync(paths.join(folder, INDEX), indexText({ a1: A, a2: A, b1: B }, 24));
  assert.equal(new Set([first, second, await fingerprint()]).size, 3);
});

const OUTSIDE: readonly (readonly [name: string, why: RegExp])[] = [
  ['../secret.safetensors', /"\.\."/],
  ['parts/../../secret.safetensors', /"\.\."/],
  ['/etc/passwd', /absolute/],
  ['C:\\weights.safetensors', /backslash/],
  ['..\\secret.safetensors', /backslash/],
  ['C:secret.safetensors', /drive/],
  ['https://example.org/a.safetensors', /URL/],
  ['file:///etc/passwd', /URL/],
  ['a\u0000.safetensors', /control character/],
  ['', /empty name/],
];

for (const [name, why] of OUTSIDE) {
  test(`a shard named ${JSON.stringify(name)} is refused without looking for it`, async () => {
    const folder = model({ [INDEX]: indexText({ a1: A, x: name, a2: A, b1: B }) });
    const problem = await problemOf(folder);
    assert.equal(problem.code, 'shard-outside-folder');
    assert.equal(problem.path, paths.join(folder, INDEX));
    assert.equal(problem.at, name);
    assert.match(problem.message, why);
  });
}

test('a shard that is a link out of the folder is refused, one that stays inside is not', async () => {
  const outside = writeFiles(temporaryFolder(), { 'b.safetensors': vectors(['b1']) });
  const folder = model({ 'parts/b.safetensors': vectors(['b1']) });
  fs.rmSync(paths.join(folder, B));
  fs.symlinkSync(paths.join(folder, 'parts/b.safetensors'), paths.join(folder, B));
  assert.deepEqual(await codesOf(folder), []);
  fs.rmSync(paths.join(folder, B));
  fs.symlinkSync(paths.join(outside, 'b.safetensors'), paths.join(folder, B));
  const problem = await problemOf(folder);
  assert.equal(problem.code, 'shard-outside-folder');
  assert.match(problem.message, /link out of the folder/);
});

test('a folder below that is a link out of the folder is no way out', async () => {
  const outside = writeFiles(temporaryFolder(), { 'b.safetensors': vectors(['b1']) });
  const folder = model({ [INDEX]: indexText({ a1: A, a2: A, b1: 'parts/b.safetensors' }) });
  fs.symlinkSync(outside, paths.join(folder, 'parts'));
  assert.equal((await problemOf(folder)).code, 'shard-outside-folder');
});

test('a folder whose name only begins like the own one is outside', async () => {
  const parent = temporaryFolder();
  const folder = writeFiles(paths.join(parent, 'model'), { [INDEX]: indexText({ b1: B }) });
  writeFiles(paths.join(parent, 'model-other'), { [B]: vectors(['b1']) });
  fs.symlinkSync(paths.join(parent, 'model-other', B), paths.join(folder, B));
  assert.equal((await problemOf(folder)).code, 'shard-outside-folder');
});

test('a model in the Hugging Face cache, where all files are links into one folder of blobs, opens', async () => {
  const cache = writeFiles(temporaryFolder(), {
    'blobs/1': vectors(['a1', 'a2']),
    'blobs/2': vectors(['b1']),
    'blobs/3': indexText({ a1: A, a2: A, b1: B }, 24),
  });
  const snapshot = paths.join(cache, 'snapshots/main');
  fs.mkdirSync(snapshot, { recursive: true });
  for (const [name, blob] of [
    [A, '1'],
    [B, '2'],
    [INDEX, '3'],
  ] as const) {
    fs.symlinkSync(`../../blobs/${blob}`, paths.join(snapshot, name));
  }
  assert.deepEqual(await codesOf(snapshot), []);
});

test('a missing shard is refused by name, with the number of others', async () => {
  const folder = model({ [INDEX]: indexText({ a1: 'x.safetensors', a2: 'y.safetensors', b1: B }) });
  const problem = await problemOf(folder);
  assert.equal(problem.code, 'shard-missing');
  assert.equal(problem.at, 'x.safetensors');
  assert.match(problem.message, /"x\.safetensors" is not there.*1 more/);
});

test('what is wrong with a shard is said of the shard itself', async () => {
  const whole = vectors(['b1']);
  const folder = model({ [B]: whole.subarray(0, whole.length - 3) });
  const problem = await problemOf(folder);
  assert.equal(problem.code, 'file-truncated');
  assert.equal(problem.path, paths.join(folder, B));
  assert.match(problem.message, /is 3 bytes short/);
});

test('a listed tensor that no shard has is a finding', async () => {
  assert.deepEqual(await codesOf(model({ [INDEX]: indexText({ a1: A, a2: A, b1: B, b2: B }) })), [
    'tensor-in-no-shard',
  ]);
});

test('a tensor that lies in another shard than listed is read from where it is, with a finding', async () => {
  const folder = model({ [INDEX]: indexText({ a1: B, a2: A, b1: B }) });
  assert.deepEqual(await codesOf(folder), ['tensor-in-other-shard']);
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  const a1 = opened.value.tensors.find(({ name }) => name === 'a1');
  assert.equal(paths.basename(a1?.span.path ?? ''), A);
});

test('of a tensor in two shards the listed one is taken, with a finding', async () => {
  for (const listed of [A, B]) {
    const folder = model({ [B]: vectors(['b1', 'a1']), [INDEX]: indexText({ a1: listed, a2: A, b1: B }) });
    assert.deepEqual(await codesOf(folder), ['tensor-in-two-shards']);
    const opened = await openCheckpoint(folder);
    assert.ok(opened.ok);
    const found = opened.value.tensors.filter(({ name }) => name === 'a1');
    assert.deepEqual(
      found.map(({ span }) => paths.basename(span.path)),
      [listed],
    );
  }
});

test('a tensor in two shards that is listed in neither is refused: its values could be either', async () => {
  const folder = model({ [B]: vectors(['b1', 'a1']), [INDEX]: indexText({ a2: A, b1: B }) });
  const problem = await problemOf(folder);
  assert.equal(problem.code, 'tensor-ambiguous');
  assert.match(problem.message, /"a1"/);
});

test('a tensor that is not listed belongs to the model, with a finding', async () => {
  const folder = model({ [INDEX]: indexText({ a1: A, b1: B }) });
  assert.deepEqual(await codesOf(folder), ['tensor-not-in-index']);
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok && opened.value.tensors.length === 3);
});

test('a wrong total size is a finding; one written as a float is not', async () => {
  const map = { a1: A, a2: A, b1: B };
  assert.deepEqual(await codesOf(model({ [INDEX]: indexText(map, 25) })), ['index-total-size']);
  const float = `{"metadata":{"total_size":24.0},"weight_map":${JSON.stringify(map)}}`;
  assert.deepEqual(await codesOf(model({ [INDEX]: float })), []);
  assert.deepEqual(
    await codesOf(model({ [INDEX]: `{"metadata":null,"weight_map":${JSON.stringify(map)}}` })),
    [],
  );
});

const BAD_TEXTS: readonly (readonly [what: string, text: string, code: string, at: string])[] = [
  ['no weight_map', '{"metadata":{}}', 'index-weight-map', ''],
  ['an empty weight_map', '{"weight_map":{}}', 'index-no-shards', 'weight_map'],
  ['a list as weight_map', '{"weight_map":["a"]}', 'index-weight-map', 'byte 14'],
  ['a number as shard', '{"weight_map":{"a":"x","b":1}}', 'index-weight-map', 'b'],
  ['a tensor listed twice', '{"weight_map":{"a":"x","a":"y"}}', 'json-duplicate-key', 'byte 23'],
  ['two weight_maps', '{"weight_map":{"a":"x"},"weight_map":{}}', 'json-duplicate-key', 'byte 24'],
  ['text that stops', '{"weight_map":{"a":"x",', 'json-syntax', 'byte 23'],
  ['text after the end', '{"weight_map":{"a":"x"}} x', 'json-syntax', 'byte 25'],
];

for (const [what, text, code, at] of BAD_TEXTS) {
  test(`an index with ${what} is refused with ${code}`, () => {
    const parsed = parseIndex(Buffer.from(text), '/model/index.json');
    assert.ok(!parsed.ok);
    assert.equal(parsed.problem.code, code);
    assert.equal(parsed.problem.at ?? '', at);
    assert.equal(parsed.problem.path, '/model/index.json');
    assert.ok(parsed.problem.message.startsWith('/model/index.json'));
  });
}

test('__proto__ is a tensor like any other in an index', () => {
  const parsed = parseIndex(
    Buffer.from('{"__proto__":1,"weight_map":{"__proto__":"a","b":"__proto__"}}'),
    '/x',
  );
  assert.ok(parsed.ok);
  assert.deepEqual(
    [...parsed.value.weightMap],
    [
      ['__proto__', 'a'],
      ['b', '__proto__'],
    ],
  );
  assert.deepEqual(parsed.value.shards, ['__proto__', 'a']);
});

test('an index of more than 10,000 shards is refused before a file is looked for', () => {
  const map = Object.fromEntries(
    Array.from({ length: 10_001 }, (_, index) => [`t${String(index)}`, `s${String(index)}`]),
  );
  const parsed = parseIndex(Buffer.from(indexText(map)), '/x');
  assert.ok(!parsed.ok);
  assert.equal(parsed.problem.code, 'index-too-many-shards');
});

test('an index of half a million tensors is read whole', () => {
  const map = Object.fromEntries(
    Array.from({ length: 497_000 }, (_, index) => [
      `language_model.model.layers.${String(index % 61)}.mlp.experts.${String(index)}.down_proj.weight_scale_inverse`,
      `model-${String((index % 64) + 1).padStart(5, '0')}-of-00064.safetensors`,
    ]),
  );
  const text = JSON.stringify({ metadata: { total_size: 1e12 }, weight_map: map }, null, 2);
  const parsed = parseIndex(Buffer.from(text), '/x');
  assert.ok(parsed.ok);
  assert.equal(parsed.value.shards.length, 64);
  assert.deepEqual(
    Object.fromEntries(parsed.value.weightMap),
    (JSON.parse(text) as { weight_map: object }).weight_map,
  );
});

test('a document can be checked against its shards while it is edited, naming the keys', async () => {
  const folder = model();
  const indexPath = paths.join(folder, INDEX);
  const parsed = parseIndex(
    Buffer.from(indexText({ a1: A, a2: B, b1: B, c: 'gone.safetensors', d: '../x', e: 'gone.safetensors' })),
    indexPath,
  );
  assert.ok(parsed.ok);
  const shards = await readShards(indexPath, parsed.value, openCheckpoint);
  const issues = checkIndex(parsed.value, shards).map(({ code, tensor, shard, refuses }) => [
    code,
    tensor,
    shard,
    refuses,
  ]);
  assert.deepEqual(issues, [
    ['shard-missing', 'c', 'gone.safetensors', true],
    ['shard-outside-folder', 'd', '../x', true],
    ['tensor-in-other-shard', 'a2', B, false],
  ]);
});

test('a hundred issues of a kind are listed and the rest is counted', () => {
  const names = Array.from({ length: 250 }, (_, index) => `t${String(index)}`);
  const parsed = parseIndex(Buffer.from(indexText(Object.fromEntries(names.map((name) => [name, A])))), '/x');
  assert.ok(parsed.ok);
  const shards = new Map<string, Shard>([[A, { state: 'read', tensors: [] }]]);
  const issues = checkIndex(parsed.value, shards);
  assert.equal(issues.length, 101);
  assert.match(issues.at(-1)?.message ?? '', /150 more/);
});

test('a shard knows the index that names it, whatever the index is called', async () => {
  const folder = model({ 'other.safetensors': vectors(['o']), 'broken.safetensors.index.json': '{' });
  fs.renameSync(paths.join(folder, INDEX), paths.join(folder, 'unet.safetensors.index.json'));
  assert.deepEqual(await shardOf(paths.join(folder, A)), {
    indexPath: paths.join(folder, 'unet.safetensors.index.json'),
    shards: 2,
  });
  assert.equal(await shardOf(paths.join(folder, 'other.safetensors')), null);
});

test('a shard is located inside the folder of its index', async () => {
  const folder = model();
  assert.deepEqual(await locateShard(paths.join(folder, INDEX), A), {
    state: 'found',
    path: paths.join(folder, A),
  });
  assert.deepEqual(await locateShard(paths.join(folder, INDEX), 'none'), { state: 'missing' });
});

test('an index is not read where it is larger than any index, nor headers where they are more than the model may have', async () => {
  const path = paths.join(temporaryFolder(), INDEX);
  writeSparse(path, Buffer.from('{"weight_map":'), 256_000_001);
  const opened = await openCheckpoint(path);
  assert.equal(opened.ok ? '' : opened.problem.code, 'index-too-large');
  const shard = paths.join(model(), A);
  const directory = await readDirectory(shard, 10);
  assert.equal(directory.ok ? '' : directory.problem.code, 'headers-too-large');
});
