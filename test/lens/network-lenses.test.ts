import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LENSES } from '../../src/lens/registry';
import { checkParameters } from '../../src/protocol/lens';
import type { StudySpec } from '../../src/protocol/study';
import { networkStudy } from './run';
import { slowPasses } from './slow-passes';

const running = LENSES.filter(({ description }) => description.needs.data.some((data) => data !== 'weights'));

for (const lens of running) {
  test(`${lens.description.id} says what to do in a study without a graph, and in one without data`, async () => {
    const study = await networkStudy(['rot90', 'invert']);
    const { graph = '', data = [] } = study.spec;
    const cases: readonly (readonly [StudySpec, string])[] = [
      [{ name: 'x', tasks: [], data }, 'study-needs-graph'],
      [{ name: 'x', tasks: [], graph }, 'study-needs-data'],
      [{ name: 'x', tasks: [], graph, data: [{ name: 'd', path: '/nowhere.npz' }] }, 'file-missing'],
    ];
    const parameters = checkParameters(lens.description.parameters, {});
    assert.ok(parameters.ok);
    for (const [spec, code] of cases) {
      const output = await lens.run({ ...study, spec }, parameters.value, {
        passes: slowPasses(),
        signal: new AbortController().signal,
        memoryBudget: 2 ** 28,
        progress: () => undefined,
        log: () => undefined,
      });
      assert.equal(output.ok ? 'ok' : output.problem.code, code);
      assert.ok(output.ok || output.problem.action.length > 0);
    }
  });
}
