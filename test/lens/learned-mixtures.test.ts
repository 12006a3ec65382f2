import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { learnedMixtures } from '../../src/lens/learned-mixtures';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { matrix, times, turned, written } from '../model/adapters/build';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { cell, only, run, study } from './run';

const PARTS = path.resolve(import.meta.dirname, '../fixtures/charlm-parts');
const close = (actual: unknown, expected: number, what = '') =>
  assert.ok(
    Math.abs(Number(actual) - expected) < 1e-9,
    `${what} ${String(actual)} against ${String(expected)}`,
  );

async function opened(tensors: Readonly<Record<string, Written>>) {
  const file = writeSafetensors(path.join(temporaryFolder(), 'm.safetensors'), tensors);
  const found = await openStudy({ name: 's', tasks: [{ name: 'm', path: file }] });
  assert.ok(found.ok);
  return found.value;
}

const [TASKS, SPLITS, SKILLS, RANK, INPUTS, OUTPUTS] = [2, 2, 3, 2, 6, 4];
const A = matrix(SPLITS * SKILLS * (INPUTS / SPLITS), RANK, 1);
const B = matrix(SPLITS * SKILLS * RANK, OUTPUTS / SPLITS, 2);
const LOGITS = matrix(TASKS, SPLITS * SKILLS, 3);
const MHR = {
  'l.poly_lora_A': written(A, [SPLITS, SKILLS, INPUTS / SPLITS, RANK]),
  'l.poly_lora_B': written(B, [SPLITS, SKILLS, RANK, OUTPUTS / SPLITS]),
  'l.poly_router.module_logits': written(LOGITS),
};

/** g of one task, by split and skill, as the definition has it. */
function shares(task: number): number[][] {
  return [0, 1].map((split) => {
    const own = (LOGITS[task] ?? [])
      .slice(split * SKILLS, (split + 1) * SKILLS)
      .map((z) => 1 / (1 + Math.exp(-z)));
    const sum = own.reduce((total, value) => total + value, 0);
    return own.map((value) => value / sum);
  });
}

/** y = x·A·B / r for unit vectors x: (ΔW)ᵀ, inputs × outputs. */
function change(weights: readonly (readonly number[])[]): number[] {
  const mixed = (factors: readonly (readonly number[])[], each: number, split: number) =>
    Array.from({ length: each }, (_, row) =>
      (factors[0] ?? []).map((__, column) =>
        Array.from(
          { length: SKILLS },
          (___, skill) =>
            (weights[split]?.[skill] ?? NaN) *
            (factors[(split * SKILLS + skill) * each + row]?.[column] ?? NaN),
        ).reduce((x, y) => x + y),
      ),
    );
  const a = [0, 1].flatMap((split) => mixed(A, INPUTS / SPLITS, split));
  const [left, right] = [mixed(B, RANK, 0), mixed(B, RANK, 1)];
  const b = left.map((row, k) => [...row, ...(right[k] ?? [])]);
  return turned(times(a, b))
    .flat()
    .map((value) => value / RANK);
}

const dot = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);

test('allocations of MHR are sigmoids over their sum in each split', async () => {
  const ran = await run(learnedMixtures, await opened(MHR));
  const values = unpackNumbers(ran.matrix('weights:0').values);
  [0, 1].flatMap((task) => shares(task).flat()).forEach((share, at) => close(values[at], share));
  const effective = [0, 1].flatMap((task) =>
    shares(task).map((own) => Math.exp(-own.reduce((sum, p) => sum + p * Math.log(p), 0))),
  );
  const row = only(ran.table('allocations'), { module: 'l' });
  close(row['effective'], effective.reduce((sum, value) => sum + value, 0) / 4);
  assert.deepEqual([row['kind'], row['splits'], row['columns'], row['dead']], ['MHR', 2, 3, 0]);
});

test('what a task changes, and how far that is from the mean of all skills, are those of the layer itself', async () => {
  const ran = await run(learnedMixtures, await opened(MHR));
  const [one, two] = [change(shares(0)), change(shares(1))];
  const mean = change([0, 1].map(() => new Array<number>(SKILLS).fill(1 / SKILLS)));
  const row = only(ran.table('tasks'), { task: 0 });
  close(row['norm'], Math.sqrt(dot(one, one)), 'norm');
  const off = one.map((value, at) => value - (mean[at] ?? NaN));
  close(row['routing'], Math.sqrt(dot(off, off) / dot(one, one)), 'routing');
  close(
    cell(ran.matrix('task_cosine'), 'task 0', 'task 1'),
    dot(one, two) / Math.sqrt(dot(one, one) * dot(two, two)),
    'tasks',
  );
  const skill = (k: number) => change([0, 1].map(() => [0, 1, 2].map((at) => (at === k ? 1 : 0))));
  const [s, t] = [skill(0), skill(2)];
  close(
    cell(ran.matrix('skill_cosine'), 'skill 0', 'skill 2'),
    dot(s, t) / Math.sqrt(dot(s, s) * dot(t, t)),
    'skills',
  );
});

test('equal logits route nothing: every task is the mean of the skills', async () => {
  const even = { ...MHR, 'l.poly_router.module_logits': { shape: [TASKS, SPLITS * SKILLS] } };
  const ran = await run(learnedMixtures, await opened(even));
  close(only(ran.table('tasks'), { task: 1 })['routing'], 0);
  close(only(ran.table('allocations'), { module: 'l' })['effective'], SKILLS);
});

test('an adapter that was really trained has shares that add up to 1, and is told to keep its routing', async () => {
  const ran = await run(learnedMixtures, await study(PARTS, null, ['poly']));
  const values = unpackNumbers(ran.matrix('weights:3').values);
  for (let first = 0; first < values.length; first += 4)
    close(
      values.slice(first, first + 4).reduce((sum: number, value) => sum + (value ?? NaN), 0),
      1,
    );
  const note = ran.artifacts.find(({ kind }) => kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /routing is in use/);
  assert.equal(ran.table('tasks').length, 8 * 3);
});

test('log-variances become weights of losses, mixes of layers shares, and coefficients stay what they are', async () => {
  const ran = await run(
    learnedMixtures,
    await opened({
      'loss.log_vars': { shape: [2], values: [0, 2] },
      'scalar_parameters.0': { shape: [1], values: [1] },
      'scalar_parameters.1': { shape: [1], values: [1] },
      lambdas_raw: written([
        [0.3, -0.1],
        [0.2, 0.5],
      ]),
    }),
  );
  const byKind = new Map(
    ran
      .table('allocations')
      .map((row, at) => [row['kind'], unpackNumbers(ran.matrix(`weights:${String(at)}`).values)]),
  );
  close(byKind.get('weights of losses')?.[1], Math.exp(-2));
  close(byKind.get('weights of layers')?.[0], 0.5);
  assert.ok(Math.abs((byKind.get('merging coefficients')?.[1] ?? NaN) + 0.1) < 1e-7);
});

test('fusions and gates are compared by what is in their rows', async () => {
  const fusion = 'bert.encoder.layer.0.output.adapter_fusion_layer.a,b';
  const ran = await run(
    learnedMixtures,
    await opened({
      [`${fusion}.value.weight`]: written([
        [1, 0],
        [0, 3],
      ]),
      [`${fusion}.query.weight`]: written([
        [1, 0],
        [0, 0],
      ]),
      [`${fusion}.key.weight`]: written([
        [1, 2],
        [0, 1],
      ]),
      'l.lora_router.weight': written([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
    }),
  );
  const row = ran.table('fusions')[0];
  close(row?.['value_moved'], 2);
  close(row?.['effective_rank'], 1);
  const gate = ran.table('gates:m')[0];
  close(gate?.['most_cosine'], Math.SQRT1_2);
  close(gate?.['mean_cosine'], (2 * Math.SQRT1_2) / 3);
});

test('a table with NaN is left out with a finding, and a study without a mixture is refused', async () => {
  const logits = { shape: [TASKS, SPLITS * SKILLS], values: [NaN, ...new Array<number>(11).fill(0)] };
  const ran = await run(learnedMixtures, await opened({ ...MHR, 'l.poly_router.module_logits': logits }));
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  assert.equal(ran.table('allocations').length, 0);
  await assert.rejects(
    run(learnedMixtures, await opened({ 'l.weight': written(matrix(2, 2, 1)) })),
    /mixes by learned weights/,
  );
});
