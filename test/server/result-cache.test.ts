import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import type { LensResult } from '../../src/protocol/artifact';
import { ContentHashes } from '../../src/server/analysis/content-hash';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { temporaryFolder, writeTensors } from './files';

const root = temporaryFolder();
after(() => fs.rmSync(root, { recursive: true }));

let folders = 0;
const newFolder = () => path.join(root, `cache-${String(++folders)}`);

function result(text: string): LensResult {
  return {
    lens: 'summary',
    version: 1,
    study: 's',
    parameters: {},
    inputs: [],
    artifacts: [{ kind: 'note', id: 'n', title: 't', severity: 'information', text }],
    findings: [],
    elapsedMs: 1,
    bytesRead: 2,
  };
}

function cacheIn(folder: string, limit = 1e6): ResultCache {
  const cache = new ResultCache((message) => assert.fail(message));
  cache.keepIn({ path: folder, limit });
  return cache;
}

test('a result outlives the cache that wrote it, under its own key only', async () => {
  const folder = newFolder();
  await cacheIn(folder).set('key', result('kept'));
  const again = cacheIn(folder);
  assert.deepEqual(await again.get('key'), result('kept'));
  assert.equal(await again.get('other key'), undefined);
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => !name.endsWith('.result.json')),
    [],
    'nothing unfinished is left behind',
  );
});

test('without a folder nothing is written, and a limit of 0 means no folder', async () => {
  const folder = newFolder();
  await new ResultCache().set('key', result('x'));
  await cacheIn(folder, 0).set('key', result('x'));
  assert.ok(!fs.existsSync(folder));
});

test('the results that were not used for longest go first when the folder is full', async () => {
  const folder = newFolder();
  const size = Buffer.byteLength(JSON.stringify(result('x'.repeat(1000))));
  const cache = cacheIn(folder, 2.5 * size);
  const minutesAgo = (key: string, minutes: number) => {
    for (const name of fs.readdirSync(folder)) {
      const file = path.join(folder, name);
      const { key: own } = JSON.parse(fs.readFileSync(file, 'utf8')) as { key: string };
      const then = new Date(Date.now() - minutes * 60_000);
      if (own === key) fs.utimesSync(file, then, then);
    }
  };
  await cache.set('a', result('x'.repeat(1000)));
  await cache.set('b', result('x'.repeat(1000)));
  minutesAgo('a', 20);
  minutesAgo('b', 10);
  // Reading `a` makes `b` the one that was not used for longest.
  assert.ok(await cacheIn(folder, 2.5 * size).get('a'));
  await cache.set('c', result('x'.repeat(1000)));
  const fresh = cacheIn(folder, 2.5 * size);
  assert.deepEqual(
    [await fresh.get('a'), await fresh.get('b'), await fresh.get('c')].map((each) => each !== undefined),
    [true, false, true],
  );
});

test('a damaged file, and one of another key, count as not there', async () => {
  const folder = newFolder();
  const cache = cacheIn(folder);
  await cache.set('a', result('a'));
  const [name = ''] = fs.readdirSync(folder);
  const whole = fs.readFileSync(path.join(folder, name), 'utf8');
  fs.writeFileSync(path.join(folder, name), whole.slice(0, 40));
  assert.equal(await cacheIn(folder).get('a'), undefined);
  fs.writeFileSync(path.join(folder, name), whole.replace('"key":"a"', '"key":"z"'));
  assert.equal(await cacheIn(folder).get('a'), undefined);
});

test('clearing removes our files, finished or not, and nothing else', async () => {
  const folder = newFolder();
  const cache = cacheIn(folder);
  await cache.set('a', result('a'));
  const bytes = fs.statSync(path.join(folder, fs.readdirSync(folder)[0] ?? '')).size;
  fs.writeFileSync(path.join(folder, 'notes.txt'), 'mine');
  fs.writeFileSync(path.join(folder, 'abc.result.json.1.1.part'), 'half');
  assert.equal(await cache.clear(), bytes + 4);
  assert.deepEqual(fs.readdirSync(folder), ['notes.txt']);
  assert.equal(await cache.get('a'), undefined);
});

test('a folder that cannot be written to costs nothing but a line in the log', async () => {
  const file = path.join(root, 'a-file');
  fs.writeFileSync(file, '');
  const lines: string[] = [];
  const cache = new ResultCache((line) => lines.push(line));
  cache.keepIn({ path: path.join(file, 'below'), limit: 1e6 });
  await cache.set('a', result('a'));
  assert.deepEqual(await cache.get('a'), result('a'));
  assert.equal(lines.length, 1);
});

test('a hash of contents tells files apart that size, time and header do not', async () => {
  const file = writeTensors(path.join(root, 'model.safetensors'), { a: { shape: [4] } });
  const hashOf = async () => {
    const opened = await openCheckpoint(file);
    assert.ok(opened.ok);
    const hash = await new ContentHashes().of(opened.value, new AbortController().signal);
    assert.ok(hash.ok);
    return { hash: hash.value, fingerprint: opened.value.fingerprint };
  };
  const then = new Date('2026-01-01');
  fs.utimesSync(file, then, then);
  const before = await hashOf();
  const bytes = fs.readFileSync(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  fs.writeFileSync(file, bytes);
  fs.utimesSync(file, then, then);
  const changed = await hashOf();
  assert.equal(changed.fingerprint, before.fingerprint);
  assert.notEqual(changed.hash, before.hash);
});
