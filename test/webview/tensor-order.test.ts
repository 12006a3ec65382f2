import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS, sortTensors } from '../../webview/checkpoint/tensor-order';
import { sampleCheckpoint } from './sample-checkpoints';

const { tensors } = sampleCheckpoint(120);
const all = tensors.name.map((_, index) => index);

test('names sort so that layer 2 stands before layer 10', () => {
  const layers = sortTensors(tensors, all, 'name', false).map((index) =>
    Number(/layers\.(\d+)/.exec(tensors.name[index] ?? '')?.[1]),
  );
  assert.deepEqual(
    layers,
    [...layers].sort((a, b) => a - b),
  );
});

test('sizes sort by value and shapes number by number', () => {
  const bytes = sortTensors(tensors, all, 'bytes', true).map((index) => tensors.bytes[index] ?? 0);
  assert.deepEqual(
    bytes,
    [...bytes].sort((a, b) => b - a),
  );
  const shapes = sortTensors(tensors, all, 'shape', false).map((index) => tensors.shape[index] ?? []);
  for (let i = 1; i < shapes.length; i++) assert.ok((shapes[i - 1]?.[0] ?? 0) <= (shapes[i]?.[0] ?? 0));
});

test('equal tensors stay in the order of the checkpoint, in both directions', () => {
  for (const column of COLUMNS) {
    for (const descending of [false, true]) {
      const order = sortTensors(tensors, all, column, descending);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        all,
      );
      for (let i = 1; i < order.length; i++) {
        const [before = 0, after = 0] = [order[i - 1], order[i]];
        if (String(tensors[column][before]) === String(tensors[column][after])) assert.ok(before < after);
      }
    }
  }
});
