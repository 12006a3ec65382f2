import assert from 'node:assert/strict';
import test from 'node:test';
import { besideByName, namedInside, namesOthers } from '../../../src/extension/copies/beside';

const bytes = (text: string) => new TextEncoder().encode(text);

test('configurations come with any checkpoint, and nothing else of its folder', () => {
  const names = ['README.md', 'config.json', 'model.safetensors', 'other.safetensors', 'adapter_config.json'];
  assert.deepEqual(besideByName('model.safetensors', names), ['config.json', 'adapter_config.json']);
});

test('a shard comes with its index, the parts of a split file with each other', () => {
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const index = 'model.safetensors.index.json';
  assert.deepEqual(besideByName('model-00001-of-00002.safetensors', [...shards, index]), [index]);
  const parts = ['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf', 'b-00002-of-00002.gguf'];
  assert.deepEqual(besideByName('a-00001-of-00002.gguf', parts), ['a-00002-of-00002.gguf']);
});

test('the data of a TensorFlow index, and all files of a distributed checkpoint, come along', () => {
  const names = ['variables.data-00000-of-00001', 'other.data-00000-of-00001', 'variables.index'];
  assert.deepEqual(besideByName('variables.index', names), ['variables.data-00000-of-00001']);
  const files = ['.metadata', '__0_0.distcp', '__1_0.distcp', 'log.txt'];
  assert.deepEqual(besideByName('__0_0.distcp', files), ['.metadata', '__1_0.distcp']);
});

test('an index names its shards, and none outside its folder', () => {
  const index = 'model.safetensors.index.json';
  assert.ok(namesOthers(index));
  const map = { a: 'one.safetensors', b: 'two.safetensors', c: 'one.safetensors', d: 'in/side.safetensors' };
  const escapes = { e: '../up.safetensors', f: '/etc/passwd', g: 'in/../../up', h: 'C:\\x', i: '', j: 7 };
  const content = bytes(JSON.stringify({ weight_map: { ...map, ...escapes } }));
  assert.deepEqual(namedInside(index, content, []), [
    'in/side.safetensors',
    'one.safetensors',
    'two.safetensors',
  ]);
  for (const text of ['', '[]', 'null', '{"weight_map": 3}', '{']) {
    assert.deepEqual(namedInside(index, bytes(text), ['x']), []);
  }
});

test('a graph names its external data: names of its folder that are values of entries', () => {
  const long = `${'x'.repeat(130)}.data`;
  const entry = (text: string) =>
    text.length < 128
      ? [0x12, text.length, ...bytes(text)]
      : [0x12, (text.length & 127) | 128, text.length >> 7, ...bytes(text)];
  const graph = Uint8Array.from([
    ...bytes('location'),
    ...entry('w.bin'),
    ...entry(long),
    ...bytes('readme'),
  ]);
  assert.deepEqual(namedInside('net.onnx', graph, ['w.bin', 'readme', long, 'bin']), ['w.bin', long]);
});
