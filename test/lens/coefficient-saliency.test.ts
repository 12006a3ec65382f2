import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { coefficientSaliency } from '../../src/lens/coefficient-saliency';
import { openStudy } from '../../src/model/open-study';
import type { GradientsReference } from './reference';
import { FIXTURES, networkStudy, only, readJson, run, SAMPLES } from './run';

const TASKS = ['rot90', 'invert', 'vflip'];

test('what every block does to the loss is what PyTorch says', async () => {
  const { tasks, tensors, all } = readJson<GradientsReference>(FIXTURES, 'vit-digits-gradients.json');
  const taskVectors = readJson<{ tensors: GradientsReference['tensors'] }>(
    FIXTURES,
    'vit-digits-taskvectors.json',
  );
  const ran = await run(coefficientSaliency, await networkStudy(TASKS), { samples: 250 });
  const rows = ran.table('blocks');
  assert.deepEqual(Object.keys(rows[0] ?? {}).slice(0, 4), ['task', 'tensor', 'dot', 'cosine']);
  assert.equal(rows.length, TASKS.length * Object.keys(tensors).length);
  for (const row of rows) {
    const [task, tensor] = [String(row['task']), String(row['tensor'])];
    const at = tasks.indexOf(task);
    const wanted = tensors[tensor]?.grad_dot_tau[at]?.[at] ?? NaN;
    const norms = (tensors[tensor]?.norm[task] ?? NaN) * (taskVectors.tensors[tensor]?.norm[task] ?? NaN);
    if (tensor.endsWith('key.bias')) {
      assert.deepEqual([row['dot'], row['cosine']], [null, null], 'rounding is no result');
    } else if (tensor.startsWith('classifier')) {
      assert.deepEqual([row['dot'], row['cosine']], [0, null], 'a frozen tensor does nothing');
    } else {
      assert.ok(Math.abs(Number(row['dot']) - wanted) <= 1e-4 * Math.abs(wanted) + 1e-6 * norms, tensor);
      assert.ok(Math.abs(Number(row['cosine']) - wanted / norms) <= 1e-4, tensor);
    }
  }
  for (const [at, task] of tasks.entries()) {
    const { dot } = only(ran.table('tasks'), { task });
    const wanted = all.grad_dot_tau[at]?.[at] ?? NaN;
    assert.ok(Math.abs(Number(dot) - wanted) <= 1e-4 * Math.abs(wanted), task);
  }
});

test('without a graph it says what to give', async () => {
  const folder = path.join(SAMPLES, 'vit-digits');
  const opened = await openStudy({
    name: 'digits',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'rot90', path: path.join(folder, 'rot90') }],
  });
  assert.ok(opened.ok);
  const output = await coefficientSaliency.run(
    opened.value,
    {},
    {
      passes: { run: () => assert.fail('nothing is read') },
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'study-needs-graph');
});
