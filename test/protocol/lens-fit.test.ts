import assert from 'node:assert/strict';
import test from 'node:test';
import type { LensNeeds } from '../../src/protocol/lens';
import { lackFor } from '../../src/protocol/lens-fit';

const needs: LensNeeds = { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true };
const tasks = ['a', 'b', 'c'].map((name) => ({ name, path: `/${name}` }));

test('a lens runs on a study that has what it needs', () => {
  assert.equal(lackFor(needs, { name: 's', base: '/base', tasks }), null);
});

test('the first thing that is missing is told', () => {
  assert.deepEqual(lackFor(needs, { name: 's', tasks }), { lack: 'base' });
  assert.deepEqual(lackFor(needs, { name: 's', base: '/base', tasks: tasks.slice(1, 2) }), {
    lack: 'tasks',
    minimum: 2,
  });
  const activations: LensNeeds = { ...needs, data: ['weights', 'activations'] };
  assert.deepEqual(lackFor(activations, { name: 's', base: '/base', tasks }), { lack: 'data' });
});

test('a base is no lack where it is optional', () => {
  assert.equal(lackFor({ ...needs, base: 'optional' }, { name: 's', tasks }), null);
});
