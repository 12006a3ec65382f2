import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectiveRuns } from '../../src/graph/gradients/objective-runs';
import { openStudyNetwork } from '../../src/graph/study-network';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { interference } from '../../src/lens/interference';
import { got } from '../graph/got';
import type { GradientsReference } from './reference';
import { cell, FIXTURES, networkStudy, only, readJson, run } from './run';

const TASKS = ['rot90', 'invert', 'vflip'];
const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;

test('at the base it is the product of gradients and task vectors that PyTorch gives', async () => {
  const { tasks, all, layers } = readJson<GradientsReference>(FIXTURES, 'vit-digits-gradients.json');
  const ran = await run(interference, await networkStudy(TASKS), { samples: 250, lambda: 0 });
  for (const [scope, { grad_dot_tau }] of Object.entries({ all, ...layers })) {
    for (const [i, task] of tasks.entries()) {
      for (const [j, vector] of tasks.entries()) {
        const wanted = grad_dot_tau[i]?.[j] ?? NaN;
        const { dot } = only(ran.table('pairs'), { scope, task, vector });
        const near = 1e-4 * Math.abs(wanted) + 1e-5;
        assert.ok(Math.abs(Number(dot) - wanted) <= near, `${scope} ${task} ${vector}`);
      }
    }
  }
  const { dot } = only(ran.table('pairs'), { scope: 'all', task: 'rot90', vector: 'vflip' });
  assert.equal(cell(ran.matrix('dot'), 'rot90', 'vflip'), dot);
});

test('at a merge it is the slope of a loss along the coefficient of a task', async () => {
  const given = { samples: 16, lambda: 0.4 };
  const study = await networkStudy(['rot90', 'invert']);
  const rows = (await run(interference, study, given)).table('pairs');
  const network = got(await openStudyNetwork(study, { samples: 16, seed: 0 }));
  const runs = new ObjectiveRuns(network.network.map.graph, OBJECTIVE);
  const signal = new AbortController().signal;
  const [first, second] = study.tasks;
  assert.ok(first && second);
  const samples = got(await network.samplesOf(first));
  const loss = async (step: number) => {
    const terms = [
      { task: first, coefficient: 0.4 },
      { task: second, coefficient: 0.4 + step },
    ];
    const weights = got(await network.weightsWith(terms, signal));
    return -got(await runs.mean(weights, new GradientSamples(samples, OBJECTIVE, 16), signal));
  };
  const step = 0.01;
  const slope = ((await loss(step)) - (await loss(-step))) / (2 * step);
  await runs.release();
  const { dot } = only(rows, { scope: 'all', task: 'rot90', vector: 'invert' });
  assert.ok(
    Math.abs(Number(dot) - slope) <= 0.01 * Math.abs(slope) + 1e-3,
    `${String(dot)}, ${String(slope)}`,
  );
});
