import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lens } from '../../src/lens/lens';
import { mergeGap } from '../../src/lens/merge-gap';
import { comparedStudy } from '../../src/lens/needs';
import { sourceAttribution } from '../../src/lens/source-attribution';
import { tallMasks } from '../../src/lens/tall-masks';
import { trajectory } from '../../src/lens/trajectory';
import type { Study } from '../../src/model/study';
import type { ParameterValues } from '../../src/protocol/lens';
import { run } from './run';
import { slowPasses } from './slow-passes';
import { writtenTasks } from './written-tasks';

/** A study whose last task is an adapter that cannot be compared. */
async function withForeignAdapter(
  tasks: Parameters<typeof writtenTasks>[0],
): Promise<{ study: Study; known: Study }> {
  const known = await writtenTasks(tasks);
  const [first] = known.tasks;
  assert.ok(first);
  const foreign = { ...first, name: 'foreign', kind: 'factored' as const, deltas: new Map() };
  return { study: { ...known, tasks: [...known.tasks, foreign] }, known };
}

test('a task without a task vector is left out in place of counting as unchanged', async () => {
  const { study, known } = await withForeignAdapter({ a: { w: [1, 2] }, b: { w: [2, -1] } });
  for (const lens of [tallMasks, trajectory, sourceAttribution]) {
    const ran = await run(lens, study);
    assert.deepEqual(ran.artifacts, (await run(lens, known)).artifacts, lens.description.id);
  }
});

test('λ may be given for a task that is left out, but not for one that does not exist', async () => {
  const { study, known } = await withForeignAdapter({ a: { w: [1, 2] }, b: { w: [2, -1] } });
  for (const lens of [tallMasks, mergeGap]) {
    const ran = await run(lens, study, { lambda: 'a=0.5,foreign=0.3' });
    assert.deepEqual(ran.artifacts, (await run(lens, known, { lambda: 'a=0.5' })).artifacts);
    const problem = await problemOf(lens, study, { lambda: 'foreigner=0.3' });
    assert.equal(problem.code, 'bad-parameter');
  }
});

test('too few tasks that can be compared are refused by name', async () => {
  const { study } = await withForeignAdapter({ a: { w: [1, 2] } });
  const compared = comparedStudy(study, tallMasks.description);
  assert.ok(!compared.ok);
  assert.equal(compared.problem.code, 'no-task-vector');
  assert.match(compared.problem.message, /only a can be compared/);
});

test('tasks without a common tensor have no trajectory and no sources', async () => {
  const study = await writtenTasks({ a: { v: [1, 2], x: [1] }, b: { w: [2, -1] } });
  for (const lens of [trajectory, sourceAttribution]) {
    const problem = await problemOf(lens, study);
    assert.equal(problem.code, 'no-task-vector');
    assert.match(problem.message, /No tensor is in all tasks/);
  }
});

async function problemOf(lens: Lens, study: Study, parameters: ParameterValues = {}) {
  const output = await lens.run(
    study,
    {
      ...Object.fromEntries(lens.description.parameters.map((each) => [each.name, each.default])),
      ...parameters,
    },
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  return output.problem;
}
