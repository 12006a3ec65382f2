import assert from 'node:assert/strict';
import test from 'node:test';
import { mainFiles } from '../../src/extension/panels/main-file';

test('a sharded model is opened by its index, never by a shard', () => {
  const files = [
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ];
  assert.deepEqual(mainFiles(files), ['model.safetensors.index.json']);
});

test('shards without an index are opened by the first of them', () => {
  const files = ['model-00002-of-00002.safetensors', 'model-00001-of-00002.safetensors'];
  assert.deepEqual(mainFiles(files), ['model-00001-of-00002.safetensors']);
});

test('an adapter beside a whole model comes second, or first when the adapter is meant', () => {
  const files = ['adapter_model.safetensors', 'config.json', 'model.safetensors'];
  assert.deepEqual(mainFiles(files), ['model.safetensors', 'adapter_model.safetensors']);
  assert.deepEqual(mainFiles(files, true), ['adapter_model.safetensors', 'model.safetensors']);
});

test('a folder without a checkpoint has none', () => {
  assert.deepEqual(mainFiles(['config.json', 'README.md']), []);
});

test('a folder of torch.distributed is opened by its first file, one of TensorFlow by its index', () => {
  const distributed = ['.metadata', '__1_0.distcp', '__0_0.distcp', 'config.json'];
  assert.deepEqual(mainFiles(distributed), ['__0_0.distcp']);
  assert.deepEqual(mainFiles(distributed.slice(1)), []);
  const tensorflow = ['checkpoint', 'ckpt-7.data-00000-of-00001', 'ckpt-7.index', 'faiss.index'];
  assert.deepEqual(mainFiles(tensorflow), ['ckpt-7.index']);
});
