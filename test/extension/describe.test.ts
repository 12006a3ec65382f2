import assert from 'node:assert/strict';
import test from 'node:test';
import { byteSize, compactCount, describeEntry } from '../../src/extension/tree/describe';

test('a parameter count is short and keeps its leading digits', () => {
  assert.equal(compactCount(0), '0');
  assert.equal(compactCount(64), '64');
  assert.equal(compactCount(203_850), '204 K');
  assert.equal(compactCount(7_241_732_096), '7.24 B');
});

test('a size has three digits and the largest decimal unit that it fills', () => {
  assert.equal(byteSize(0), '0 B');
  assert.equal(byteSize(999), '999 B');
  assert.equal(byteSize(1000), '1.00 kB');
  assert.equal(byteSize(815_400), '815 kB');
  assert.equal(byteSize(999_600), '1.00 MB');
  assert.equal(byteSize(14_483_464_192), '14.5 GB');
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
  assert.equal(describeEntry(entry), 'BF16 · 1 K · 2.05 kB');
  assert.equal(
    describeEntry({ ...entry, kind: 'adapter', adapterKind: 'LoRA r8' }),
    'LoRA r8 · BF16 · 1 K · 2.05 kB',
  );
});
