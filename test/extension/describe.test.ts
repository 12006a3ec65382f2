import assert from 'node:assert/strict';
import test from 'node:test';
import { byteSize, compactCount, describeEntry } from '../../src/extension/tree/describe';

test('a parameter count is short and keeps its leading digits', () => {
  assert.equal(compactCount(0), '0');
  assert.equal(compactCount(64), '64');
  assert.equal(compactCount(203_850), '204K');
  assert.equal(compactCount(7_241_732_096), '7.24B');
});

test('sizes use the largest binary unit that keeps them at one or more', () => {
  assert.equal(byteSize(0), '0 B');
  assert.equal(byteSize(1023), '1023 B');
  assert.equal(byteSize(1024), '1.0 KiB');
  assert.equal(byteSize(1536 * 1024), '1.5 MiB');
  assert.equal(byteSize(200 * 2 ** 30), '200 GiB');
});

test('a checkpoint is described by dtype, parameters and size, an adapter first by its kind', () => {
  const entry = {
    path: '/a',
    name: 'a',
    kind: 'base',
    dtypes: ['BF16'],
    parameters: 1000,
    bytes: 2048,
    tensors: 3,
  } as const;
  assert.equal(describeEntry(entry), 'BF16 · 1K · 2.0 KiB');
  assert.equal(
    describeEntry({ ...entry, kind: 'adapter', adapterKind: 'LoRA r8' }),
    'LoRA r8 · BF16 · 1K · 2.0 KiB',
  );
});
