import assert from 'node:assert/strict';
import test from 'node:test';
import { readPanelState, runKey } from '../../src/extension/panels/panel-state';

const run = {
  lens: 'delta-profile',
  study: { name: 's', base: '/base', tasks: [{ name: 'a', path: '/a' }] },
  parameters: { metric: 'relative', log: true },
};

test('the state of a panel comes back as it was', () => {
  const state = { run, view: { facets: { metric: 'norm' } } };
  assert.deepEqual(readPanelState(JSON.parse(JSON.stringify(state))), state);
});

test('a state without a view starts with a fresh one', () => {
  assert.deepEqual(readPanelState({ run }), { run, view: {} });
});

test('a state of another shape is refused', () => {
  const broken: unknown[] = [
    undefined,
    null,
    'text',
    {},
    { run: null },
    { run: { ...run, lens: 1 } },
    { run: { ...run, parameters: null } },
    { run: { ...run, study: { name: 's', tasks: 'none' } } },
    { run: { ...run, study: { ...run.study, base: 5 } } },
    { run: { ...run, study: { ...run.study, tasks: [{ name: 'a' }] } } },
  ];
  for (const state of broken) assert.equal(readPanelState(state), null, JSON.stringify(state));
});

test('the order of parameters does not make another run, their values do', () => {
  const reordered = { ...run, parameters: { log: true, metric: 'relative' } };
  assert.equal(runKey(run), runKey(reordered));
  assert.notEqual(runKey(run), runKey({ ...run, parameters: { ...run.parameters, log: false } }));
  assert.notEqual(runKey(run), runKey({ ...run, study: { ...run.study, base: '/other' } }));
});
