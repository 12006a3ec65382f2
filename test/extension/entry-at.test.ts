import assert from 'node:assert/strict';
import test from 'node:test';
import type { ExplorerEntry } from '../../src/protocol/explorer';
import { entryAt, familyOf } from '../../src/extension/commands/entry-at';

const entry = (path: string, kind: ExplorerEntry['kind']): ExplorerEntry => ({
  path,
  name: path,
  kind,
  dtypes: [],
  parameters: 0,
  bytes: 0,
  tensors: 0,
});
const contents = {
  families: [
    {
      id: 'a',
      title: 'a',
      entries: [entry('/m/base/model.safetensors', 'base'), entry('/m/ft/model.safetensors', 'fine-tune')],
    },
    {
      id: 'b',
      title: 'b',
      entries: [
        entry('/both/model.safetensors', 'checkpoint'),
        entry('/both/adapter_model.safetensors', 'adapter'),
      ],
    },
  ],
  studies: [],
  truncated: false,
};

test('a file means itself, a folder the only checkpoint in it', () => {
  assert.equal(entryAt(contents, '/m/ft/model.safetensors')?.kind, 'fine-tune');
  assert.equal(entryAt(contents, '/m/base')?.kind, 'base');
});

test('a folder with a checkpoint and an adapter means neither, its files and its configuration say which', () => {
  assert.equal(entryAt(contents, '/both'), undefined);
  assert.equal(entryAt(contents, '/both/model.safetensors')?.kind, 'checkpoint');
  assert.equal(entryAt(contents, '/both/adapter_config.json')?.kind, 'adapter');
});

test('what the workspace does not list has no entry and no family', () => {
  assert.equal(entryAt(contents, '/elsewhere/model.safetensors'), undefined);
  assert.equal(familyOf(contents, undefined), undefined);
  assert.equal(familyOf(contents, entryAt(contents, '/m/ft'))?.id, 'a');
});
