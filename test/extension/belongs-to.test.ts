import assert from 'node:assert/strict';
import test from 'node:test';
import { belongsTo } from '../../src/extension/tree/belongs-to';

test('a finding on a configuration counts for the adapter or the checkpoint beside it, not for both', () => {
  const adapter = { path: '/m/adapter_model.safetensors', kind: 'adapter' } as const;
  const base = { path: '/m/model.safetensors', kind: 'base' } as const;
  assert.equal(belongsTo(adapter, '/m/adapter_config.json'), true);
  assert.equal(belongsTo(base, '/m/adapter_config.json'), false);
  assert.equal(belongsTo(adapter, '/m/config.json'), false);
  assert.equal(belongsTo(base, '/m/config.json'), true);
  assert.equal(belongsTo(base, '/m/adapter_model.safetensors'), false);
});

test('a finding on a shard counts for its index', () => {
  const sharded = { path: '/m/model.safetensors.index.json', kind: 'checkpoint' } as const;
  assert.equal(belongsTo(sharded, '/m/model-00001-of-00003.safetensors'), true);
  assert.equal(belongsTo(sharded, '/m/other-00001-of-00003.safetensors'), false);
  assert.equal(belongsTo(sharded, '/elsewhere/model-00001-of-00003.safetensors'), false);
});
