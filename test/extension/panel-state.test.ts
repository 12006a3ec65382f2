import assert from 'node:assert/strict';
import test from 'node:test';
import { readPanelState, runKey, studyKey } from '../../src/extension/panels/panel-state';

const run = {
  lens: 'delta-profile',
  study: { name: 's', base: '/base', tasks: [{ name: 'a', path: '/a' }] },
  parameters: { metric: 'relative', log: true },
};

const card = {
  id: 'card-1',
  lens: run.lens,
  parameters: run.parameters,
  view: { facets: { metric: 'norm' } },
};

test('the state of a panel comes back as it was', () => {
  const state = {
    study: run.study,
    cards: [card, { ...card, id: 'card-2', pinned: true }],
    lensesOpen: false,
    linked: true,
    maximised: 'card-2',
    compared: ['card-1', 'card-2'],
    selection: { layer: 'layers.1', task: 'a' },
  };
  assert.deepEqual(readPanelState(JSON.parse(JSON.stringify(state))), state);
});

test('the state of a panel with one run, of an earlier version, becomes one card', () => {
  const { view } = card;
  assert.deepEqual(readPanelState({ run, view }), { study: run.study, cards: [card] });
  assert.deepEqual(readPanelState({ run })?.cards[0]?.view, {});
});

test('cards that cannot be read are left out, and so is what was chosen of them', () => {
  const state = {
    study: run.study,
    cards: [card, { id: 5 }, null],
    maximised: 'card-7',
    compared: ['card-1', 'x'],
  };
  assert.deepEqual(readPanelState(state), { study: run.study, cards: [card] });
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
    { study: run.study, cards: 'none' },
    { study: { name: 's' }, cards: [] },
  ];
  for (const state of broken) assert.equal(readPanelState(state), null, JSON.stringify(state));
});

test('one panel serves a study, whatever its name', () => {
  assert.equal(studyKey(run.study), studyKey({ ...run.study, name: 'other' }));
  assert.notEqual(studyKey(run.study), studyKey({ ...run.study, tasks: [] }));
});

test('the order of parameters does not make another run, their values do', () => {
  const reordered = { ...run, parameters: { log: true, metric: 'relative' } };
  assert.equal(runKey(run), runKey(reordered));
  assert.notEqual(runKey(run), runKey({ ...run, parameters: { ...run.parameters, log: false } }));
  assert.notEqual(runKey(run), runKey({ ...run, study: { ...run.study, base: '/other' } }));
});
