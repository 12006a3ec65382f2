import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { RecentlyUsed } from '../../src/server/analysis/recently-used';
import { temporaryFolder, writeTensors, writeText } from './files';

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true }));

test('what was not used for longest is forgotten first, by weight', () => {
  const cache = new RecentlyUsed<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 4);
  assert.equal(cache.get('a'), 'A');
  cache.set('c', 'C', 4);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.get(key)),
    ['A', undefined, 'C'],
  );
});

test('a value heavier than the whole cache is kept alone', () => {
  const cache = new RecentlyUsed<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 40);
  assert.deepEqual([cache.get('a'), cache.get('b')], [undefined, 'B']);
  cache.set('c', 'C', 1);
  assert.deepEqual([cache.get('b'), cache.get('c')], [undefined, 'C']);
});

test('setting a key again does not count its weight twice', () => {
  const cache = new RecentlyUsed<string>(10);
  for (let count = 0; count < 5; count++) cache.set('a', 'A', 6);
  cache.set('b', 'B', 4);
  assert.deepEqual([cache.get('a'), cache.get('b')], ['A', 'B']);
});

async function opened(cache: DirectoryCache, file: string) {
  const result = await cache.open(file);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

test('a directory is read once while its file stays as it is, and again once it changes', async () => {
  const cache = new DirectoryCache();
  const file = writeTensors(path.join(folder, 'model.safetensors'), { a: { shape: [1] } });
  const first = await opened(cache, file);
  assert.equal(await opened(cache, file), first);
  writeTensors(file, { a: { shape: [1] }, b: { shape: [1] } });
  const second = await opened(cache, file);
  assert.deepEqual(
    second.tensors.map(({ name }) => name),
    ['a', 'b'],
  );
});

test('a folder that gets another kind of contents is opened anew', async () => {
  const cache = new DirectoryCache();
  const home = path.join(folder, 'growing');
  writeTensors(path.join(home, 'model.safetensors'), { a: { shape: [1] } });
  assert.equal((await opened(cache, home)).container, 'safetensors');
  const shard = 'model-00001-of-00001.safetensors';
  writeTensors(path.join(home, shard), { b: { shape: [1] } });
  writeText(
    path.join(home, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: { b: shard } }),
  );
  const { tensors } = await opened(cache, home);
  assert.deepEqual(
    tensors.map(({ name }) => name),
    ['b'],
  );
});

test('a file that could not be opened is tried again', async () => {
  const cache = new DirectoryCache();
  const file = path.join(folder, 'late.safetensors');
  assert.equal((await cache.open(file)).ok, false);
  writeTensors(file, { a: { shape: [1] } });
  assert.equal((await cache.open(file)).ok, true);
});
