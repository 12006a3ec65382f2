import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { CopyStore } from '../../../src/extension/copies/copy-store';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'copy-store-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

const place = (name: string) => ({ scheme: 'mem', authority: '', query: '', path: `/models/${name}` });
const ten = new Uint8Array(10);
const OLD = Date.UTC(2024, 0, 1);

test('a copy is current until its original has another size or time', async () => {
  const store = new CopyStore(path.join(scratch, 'current'));
  const file = await store.write(place('a.safetensors'), ten, OLD);
  assert.equal(file, store.pathOf(place('a.safetensors')));
  assert.ok(await store.isCurrent(file, { size: 10, mtime: OLD }));
  assert.ok(!(await store.isCurrent(file, { size: 11, mtime: OLD })));
  assert.ok(!(await store.isCurrent(file, { size: 10, mtime: OLD + 1000 })));
  assert.ok(!(await store.isCurrent(store.pathOf(place('b')), { size: 10, mtime: OLD })));
});

test('a copy is known for what it is in another window, and other files are not', async () => {
  const folder = path.join(scratch, 'origins');
  const file = await new CopyStore(folder).write(place('a.safetensors'), ten, OLD);
  const other = new CopyStore(folder);
  assert.deepEqual(other.placeOf(file), place('a.safetensors'));
  assert.equal(other.placeOf(path.join(scratch, 'elsewhere')), null);
  assert.equal(other.placeOf(path.join(folder, 'unknown-root', 'a')), null);
});

test('the least recently used go first, and those in use stay whatever the limit', async () => {
  const store = new CopyStore(path.join(scratch, 'prune'));
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => store.write(place(name), ten, OLD)));
  assert.ok(a && b && c);
  for (const [index, file] of [b, a, c].entries()) {
    fs.utimesSync(file, new Date(OLD + 1000 * index), new Date(OLD));
  }
  await store.prune(25, new Set());
  assert.deepEqual(
    [a, b, c].map((file) => fs.existsSync(file)),
    [true, false, true],
  );
  assert.ok(await store.isCurrent(a, { size: 10, mtime: OLD }));
  await store.prune(10, new Set());
  assert.deepEqual(
    [a, c].map((file) => fs.existsSync(file)),
    [true, false],
  );
  await store.prune(0, new Set([a]));
  assert.ok(fs.existsSync(a));
});

test('clearing removes all and says how much it was', async () => {
  const store = new CopyStore(path.join(scratch, 'clear'));
  const file = await store.write(place('a'), ten, OLD);
  await store.write(place('b'), ten, OLD);
  assert.equal(await store.clear(), 20);
  assert.ok(!fs.existsSync(file));
  assert.equal(await store.clear(), 0);
});
