import assert from 'node:assert/strict';
import test from 'node:test';
import type { LensNeeds } from '../../src/protocol/lens';
import { lackFor } from '../../src/protocol/lens-fit';

const needs: LensNeeds = { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true };
/** Parts that these studies have not. */
const ADAPTED = { prompt: false, mixture: false, memory: false, hypernetwork: false };
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

test('what is not in the files is a lack once they are known', () => {
  const parts = { run: false, experts: false, attention: true, vocabulary: true, adapter: false, ...ADAPTED };
  const study = { name: 's', base: '/base', tasks };
  const mixture: LensNeeds = { ...needs, parts: ['attention', 'experts'] };
  assert.equal(lackFor(mixture, study), null, 'nothing is known yet');
  assert.deepEqual(lackFor(mixture, study, { tasks: 3, parts }), { lack: 'experts' });
  assert.equal(lackFor(mixture, study, { tasks: 3, parts: { ...parts, experts: true } }), null);
});

test('the checkpoints of a run are its tasks once they are counted', () => {
  const run = { name: 's', base: '/base', tasks: [{ name: 'run', path: '/run', run: true as const }] };
  const parts = { run: true, experts: false, attention: true, vocabulary: true, adapter: false, ...ADAPTED };
  assert.equal(lackFor(needs, run), null);
  assert.equal(lackFor(needs, run, { tasks: 2, parts }), null);
  assert.deepEqual(lackFor(needs, run, { tasks: 1, parts }), { lack: 'tasks', minimum: 2 });
});

test('a base is no lack where it is optional', () => {
  assert.equal(lackFor({ ...needs, base: 'optional' }, { name: 's', tasks }), null);
});
