import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { embeddingDrift } from '../../src/lens/embedding-drift';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { agree, only, run, SAMPLES, study, type Ran } from './run';
import { readValues } from './slow-passes';

const NAME = 'model.embed_tokens.weight';
const COLUMNS = 3;

function matrix(rows: readonly (readonly number[])[]): Record<string, Written> {
  return { [NAME]: { shape: [rows.length, COLUMNS], values: rows.flat() } };
}

async function pair(base: readonly (readonly number[])[], task: readonly (readonly number[])[]) {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), matrix(base));
  writeSafetensors(path.join(folder, 'task/model.safetensors'), matrix(task));
  return study(folder, 'base', ['task']);
}

/** The text of the recommendation. */
function advice({ artifacts }: Ran): string {
  const note = artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  return note.text;
}

const BASE = [[1, 0, 0], [0, 1, 0], [0, 0, 2], [1, 1, 0], [0, 1, 1]]; // prettier-ignore

test('lists the rows that moved, those that moved most first', async () => {
  const task = BASE.map((row, at) => (at === 2 ? [3, 0, 2] : at === 4 ? [0, 1, 1.5] : row));
  const ran = await run(embeddingDrift, await pair(BASE, task));
  assert.deepEqual(
    ran.table('rows').map(({ row, norm, relative }) => [row, norm, relative]),
    [
      [2, 3, 1.5],
      [4, 0.5, 0.5 / Math.SQRT2],
    ],
  );
  agree(ran.table('rows')[0]?.['cos'], 2 / Math.sqrt(13), 'cosine');
  const [tensor] = ran.table('tensors');
  assert.deepEqual([tensor?.['moved_rows'], tensor?.['common_rows'], tensor?.['new_rows']], [2, 5, 0]);
});

test('a row that turned to another has another nearest row', async () => {
  const task = BASE.map((row, at) => (at === 2 ? [2, 0, 0.1] : row));
  const ran = await run(embeddingDrift, await pair(BASE, task), { sample: 1, neighbours: 1 });
  const row = only(ran.table('neighbours'), { row: 2, picked: 'moved' });
  assert.deepEqual([row['before'], row['after'], row['changed'], row['kept']], [4, 0, true, 0]);
  agree(row['cos_before'], Math.SQRT1_2, 'cosine before');
});

test('a grown vocabulary is compared as far as both have it, and the new rows are counted', async () => {
  const ran = await run(embeddingDrift, await pair(BASE, [...BASE.map((row) => row.map((x) => 2 * x)), [3, 4, 0], [0, 0, 1]]));
  const [tensor] = ran.table('tensors');
  assert.deepEqual(
    [tensor?.['base_rows'], tensor?.['task_rows'], tensor?.['common_rows'], tensor?.['new_rows'], tensor?.['new_norm']],
    [5, 7, 5, 2, 3],
  );
  for (const row of ran.table('rows')) agree(row['relative'], 1, 'relative norm');
  assert.ok(ran.artifacts.some(({ id }) => id === 'resized'));
}); // prettier-ignore

test('a cut vocabulary is compared, too', async () => {
  const ran = await run(embeddingDrift, await pair(BASE, BASE.slice(0, 3)));
  const [tensor] = ran.table('tensors');
  assert.deepEqual([tensor?.['common_rows'], tensor?.['moved_rows'], tensor?.['new_norm']], [3, 0, null]);
  assert.match(advice(ran), /bit-identical to the base in all common rows: do not store it again/);
});

test('a row with NaN is left out and counted', async () => {
  const task = BASE.map((row, at) => (at === 1 ? [NaN, 1, 0] : row.map((x) => x + 1)));
  const ran = await run(embeddingDrift, await pair(BASE, task));
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite'],
  );
  assert.deepEqual(ran.table('rows').map(({ row }) => row), [0, 2, 3, 4]);
}); // prettier-ignore

test('agrees with a slow computation on the sample, whatever is read at a time', async () => {
  const opened = await study(path.join(SAMPLES, 'charlm'), 'base', ['json', 'arith']);
  const ran = await run(embeddingDrift, opened, { top: 300, sample: 4, neighbours: 3 });
  const base = opened.base?.tensors.find(({ name }) => name === NAME);
  assert.ok(base);
  const [rows = 0, columns = 0] = base.span.shape;
  const before = readValues(base.span);
  for (const task of opened.tasks) {
    const delta = task.deltas.get(NAME);
    assert.ok(delta?.kind === 'dense');
    const after = readValues(delta.span);
    const row = (values: ArrayLike<number>, at: number) => Array.from({ length: columns }, (_, column) => Number(values[at * columns + column]));
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
    const cosine = (values: ArrayLike<number>, a: number, b: number) =>
      dot(row(values, a), row(values, b)) / Math.sqrt(dot(row(values, a), row(values, a)) * dot(row(values, b), row(values, b)));
    const listed = ran.table('rows').filter((each) => each['task'] === task.name);
    for (let at = 0; at < rows; at++) {
      const norm = Math.hypot(...row(before, at).map((x, column) => (row(after, at)[column] ?? 0) - x));
      if (norm > 0) agree(only(listed, { row: at })['norm'], norm, `row ${at}`);
      else assert.ok(listed.every((each) => each['row'] !== at));
    }
    for (const each of ran.table('neighbours').filter((own) => own['task'] === task.name)) {
      const others = Array.from({ length: rows }, (_, at) => at).filter((at) => at !== each['row']);
      const best = Math.max(...others.map((at) => cosine(after, Number(each['row']), at)));
      agree(each['cos_after'], best, `nearest of ${String(each['row'])}`);
    }
  }
}); // prettier-ignore

test('a model without a vocabulary is refused', async () => {
  const folder = temporaryFolder();
  const tensors = { 'model.layers.0.mlp.up_proj.weight': { shape: [2, 2] } };
  writeSafetensors(path.join(folder, 'base/model.safetensors'), tensors);
  writeSafetensors(path.join(folder, 'task/model.safetensors'), tensors);
  const opened = await study(folder, 'base', ['task']);
  const context = { passes: { run: () => assert.fail() }, signal: new AbortController().signal, memoryBudget: 1, progress: () => undefined, log: () => undefined };
  const refused = await embeddingDrift.run(opened, {}, context);
  assert.ok(!refused.ok && refused.problem.code === 'embedding-missing');
}); // prettier-ignore

test('recommends to store few rows that moved alone, and doubts new rows of another length', async () => {
  const few = [...BASE.map((row, at) => (at === 2 ? [3, 0, 2] : row)), [0, 0, 0.1]];
  const text = advice(await run(embeddingDrift, await pair(BASE, few)));
  assert.match(text, /only 1 of 5 rows moved: store or merge these alone/);
  // The old rows have lengths 1, 1, 2, √2, √2: mean 1.3657.
  assert.match(text, /The 1 new row has 0\.0732 times the length of the old ones/);
});

test('tells rows that moved alike from a few that hold the change', async () => {
  const rows = Array.from({ length: 20 }, (_, at) => [Math.cos(at), Math.sin(at), 1]);
  const alike = rows.map(([x = 0, y = 0, z = 0]) => [x + 1, y, z]);
  const steep = alike.map((row, at) => (at === 7 ? [9, 9, 9] : row));
  // Each of the 20 rows moved by 1, so two of them hold a tenth.
  assert.match(advice(await run(embeddingDrift, await pair(rows, alike))), /moved about alike \(a tenth of them holds 10 % /);
  assert.match(advice(await run(embeddingDrift, await pair(rows, steep))), /all 20 rows moved, but a tenth of them holds/);
}); // prettier-ignore
