import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { hypernetwork } from '../../src/lens/hypernetwork';
import { spearman } from '../../src/lens/hypernetwork-figures';
import { openStudy } from '../../src/model/open-study';
import { matrix, times, written } from '../model/adapters/build';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { cell, only, run, study } from './run';

const PARTS = path.resolve(import.meta.dirname, '../fixtures/charlm-parts');
const [HIDDEN, NECK] = [4, 2];
const close = (actual: unknown, expected: number, what = '') =>
  assert.ok(
    Math.abs(Number(actual) - expected) < 1e-9,
    `${what} ${String(actual)} against ${String(expected)}`,
  );

const TASKS = { a: [1, 0.5], b: [-0.5, 1], c: [0.25, 0.75] };
const LAYERS = matrix(2, 2, 4);
const FIRST = matrix(3, 4, 1);
const SECOND = matrix(2, 3, 2);
const UP = matrix(HIDDEN * NECK, 2, 3);
const DOWN = matrix(HIDDEN * NECK, 2, 5);
const NETWORK: Readonly<Record<string, Written>> = {
  ...Object.fromEntries(
    Object.entries(TASKS).map(([name, values]) => [`task_to_embeddings.${name}`, { shape: [2], values }]),
  ),
  'layer_id_embeddings.weight': written(LAYERS),
  'task_hypernet.task_embeding_generator.0.weight': written(FIRST),
  'task_hypernet.task_embeding_generator.2.weight': written(SECOND),
  'up_sampler_hyper_net.weight_generator.0.weight': written(UP),
  'up_sampler_hyper_net.bias_generator.0.weight': { shape: [HIDDEN, 2] },
  'down_sampler_hyper_net.weight_generator.0.weight': written(DOWN),
  'down_sampler_hyper_net.bias_generator.0.weight': { shape: [NECK, 2] },
};

async function opened(
  tensors: Readonly<Record<string, Written>>,
  ...others: readonly Readonly<Record<string, Written>>[]
) {
  const folder = temporaryFolder();
  const tasks = [tensors, ...others].map((each, at) => ({
    name: `h${String(at)}`,
    path: writeSafetensors(path.join(folder, `h${String(at)}.safetensors`), each),
  }));
  const found = await openStudy({ name: 's', tasks });
  assert.ok(found.ok);
  return found.value;
}

/** Rows of `up` and `down` of one task and layer, by the definition. */
function made(task: readonly number[], layer: number): { up: number[][]; down: number[][] } {
  const joined = [...task, ...(LAYERS[layer] ?? [])].map((value) => [value]);
  const hidden = times(FIRST, joined).map(([value = 0]) => [Math.max(0, value)]);
  const inner = times(SECOND, hidden);
  const shaped = (weights: readonly (readonly number[])[], rows: number, columns: number) => {
    const values = times(weights, inner).flat();
    return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
  };
  return { up: shaped(UP, HIDDEN, NECK), down: shaped(DOWN, NECK, HIDDEN) };
}

test('generated adapters are those of the definition, and so are their cosines', async () => {
  const ran = await run(hypernetwork, await opened(NETWORK));
  const { up, down } = made(TASKS.b, 1);
  const row = only(ran.table('adapters'), { task: 'b', layer: 1 });
  close(row['up'], Math.hypot(...up.flat()));
  close(row['down'], Math.hypot(...down.flat()));
  close(row['norm'], Math.hypot(...times(up, down).flat()));
  const whole = (task: readonly number[]) =>
    [0, 1].flatMap((layer) => Object.values(made(task, layer)).flat(2));
  const [x, y] = [whole(TASKS.a), whole(TASKS.c)];
  const dot = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, at) => sum + value * (q[at] ?? NaN), 0);
  close(cell(ran.matrix('generated:h0'), 'a', 'c'), dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)));
});

test('rank correlations are exact, with ties at their mean rank', () => {
  close(spearman([1, 2, 3, 4], [10, 20, 30, 40]), 1);
  close(spearman([1, 2, 3], [3, 2, 1]), -1);
  // Ranks 0.5, 0.5, 2 and 0, 1, 2.
  close(spearman([1, 1, 5], [1, 2, 3]), Math.sqrt(3) / 2);
  assert.equal(spearman([1, 1, 1], [1, 2, 3]), null);
});

test('a network whose task embeddings do nothing is told to have collapsed', async () => {
  const deaf = FIRST.map((row) => [0, 0, ...row.slice(2)]);
  const ran = await run(
    hypernetwork,
    await opened({ ...NETWORK, 'task_hypernet.task_embeding_generator.0.weight': written(deaf) }),
  );
  close(cell(ran.matrix('generated:h0'), 'a', 'b'), 1);
  const note = ran.artifacts.find(({ kind }) => kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /one shared adapter would do/);
});

test('drift is that of the generated weights, task by task', async () => {
  const doubled = {
    ...NETWORK,
    'up_sampler_hyper_net.weight_generator.0.weight': written(UP.map((row) => row.map((value) => 2 * value))),
  };
  const ran = await run(hypernetwork, await opened(NETWORK, doubled));
  const parts = [0, 1].map((layer) => made(TASKS.a, layer));
  const [up, down] = [parts.flatMap((each) => each.up.flat()), parts.flatMap((each) => each.down.flat())];
  close(only(ran.table('drift'), { task: 'a' })['drift'], Math.hypot(...up) / Math.hypot(...up, ...down));
});

test('a hypernetwork that was really trained tells its tasks apart', async () => {
  const ran = await run(hypernetwork, await study(PARTS, null, ['hypernetwork']));
  const row = only(ran.table('hypernetworks'), { model: 'hypernetwork' });
  assert.deepEqual([row['tasks'], row['adapters']], [3, 3 * 4 * 2]);
  assert.ok((cell(ran.matrix('generated:hypernetwork'), 'json', 'kjv') ?? 1) < 0.98);
  assert.ok(Number(row['effective_rank']) > 1);
});

test('what does not fit together is said, and NaN leaves nothing to show', async () => {
  const ran = await run(
    hypernetwork,
    await opened({ ...NETWORK, 'layer_id_embeddings.weight': written(matrix(2, 3, 4)) }),
  );
  const note = ran.artifacts.find(({ kind }) => kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /do not fit what takes 4/);
  const bad = await run(
    hypernetwork,
    await opened({ ...NETWORK, 'task_to_embeddings.a': { shape: [2], values: [NaN, 0] } }),
  );
  assert.deepEqual(
    bad.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  await assert.rejects(
    run(hypernetwork, await opened({ 'l.weight': written(matrix(2, 2, 1)) })),
    /no hypernetwork/,
  );
});
