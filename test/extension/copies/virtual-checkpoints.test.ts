import assert from 'node:assert/strict';
import test from 'node:test';
import { findCheckpoints } from '../../../src/extension/copies/virtual-checkpoints';

/** Lists a tree that is given by the paths of its files. */
function listing(files: readonly string[], asked: string[] = []) {
  return (folder: string) => {
    asked.push(folder);
    const start = folder.endsWith('/') ? folder : `${folder}/`;
    const below = files
      .filter((file) => file.startsWith(start))
      .map((file) => file.slice(start.length).split('/'));
    const folders = new Set(below.filter(({ length }) => length > 1).map(([name = '']) => name));
    return Promise.resolve([
      ...[...folders].map((name) => ({ name, isFolder: true })),
      ...below.filter(({ length }) => length === 1).map(([name = '']) => ({ name, isFolder: false })),
    ]);
  };
}

test('what stands for a checkpoint is found in every folder: an index and not its shards', async () => {
  const files = [
    '/r/a/model.safetensors.index.json',
    '/r/a/model-00001-of-00002.safetensors',
    '/r/a/model-00002-of-00002.safetensors',
    '/r/lora/adapter_model.safetensors',
    '/r/lora/adapter_config.json',
    '/r/notes/package.json',
    '/r/top.gguf',
  ];
  assert.deepEqual(await findCheckpoints('/r', listing(files)), [
    '/r/top.gguf',
    '/r/a/model.safetensors.index.json',
    '/r/lora/adapter_model.safetensors',
  ]);
});

test('folders of tools are left out, and a large tree is not looked through to its end', async () => {
  const files = [
    '/.git/x.safetensors',
    '/node_modules/y.safetensors',
    ...Array.from({ length: 1000 }, (_, index) => `/many/${String(index)}/z.safetensors`),
  ];
  const asked: string[] = [];
  const found = await findCheckpoints('/', listing(files, asked));
  assert.equal(asked.length, 400);
  assert.equal(found.length, 398);
});
