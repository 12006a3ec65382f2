import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { spectrum } from '../../src/lens/spectrum';
import { openStudy } from '../../src/model/open-study';
import type { Series } from '../../src/protocol/artifact';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { matrixPasses } from './matrix-passes';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO, type Ran } from './run';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

interface Reference {
  readonly singular_values: readonly number[];
  readonly effective_rank: number;
  readonly stable_rank: number;
  readonly rank90: number;
  readonly rank95: number;
  readonly rank99: number;
}
type TaskReference = Readonly<Record<string, Readonly<Record<string, Reference>>>>;
type AdapterReference = {
  readonly spectra: Readonly<
    Record<string, { readonly r: number; readonly modules: Readonly<Record<string, Reference>> }>
  >;
};

function agreeWithSpectrum(ran: Ran, task: string, tensor: string, reference: Reference): void {
  const row = only(ran.table('spectra'), { task, tensor });
  const values = row['singular_values'];
  assert.ok(Array.isArray(values));
  assert.equal(values.length, reference.singular_values.length);
  for (const [index, value] of reference.singular_values.entries()) {
    // The smallest are differences of numbers as large as the largest: ten printed digits of that.
    const close = Math.abs((values[index] as number) - value) <= 1e-6 * value + 1e-9;
    assert.ok(
      close,
      `${task} ${tensor} σ${String(index + 1)}: ${String(values[index])} is not ${String(value)}`,
    );
  }
  for (const figure of ['effective_rank', 'stable_rank', 'rank90', 'rank95', 'rank99'] as const) {
    agree(row[figure], reference[figure], `${task} ${tensor} ${figure}`);
  }
}

async function agreeWithTasks(folder: string, references: TaskReference): Promise<void> {
  const opened = await study(folder, 'base', Object.keys(references));
  const tensors = [...new Set(Object.values(references).flatMap((each) => Object.keys(each)))];
  const ran = await run(spectrum, opened, { tensors: tensors.join(',') }, matrixPasses());
  for (const [task, own] of Object.entries(references)) {
    for (const [tensor, reference] of Object.entries(own)) agreeWithSpectrum(ran, task, tensor, reference);
  }
}

async function agreeWithAdapters(folder: string, { spectra }: AdapterReference): Promise<void> {
  const known = Object.entries(spectra).filter(([, { modules }]) =>
    Object.values(modules).some(({ singular_values }) => singular_values !== undefined),
  );
  const opened = await study(
    folder,
    'base',
    known.map(([name]) => `lora/${name}`),
  );
  const ran = await run(spectrum, opened, {}, matrixPasses());
  for (const [adapter, { r, modules }] of known) {
    for (const [module, reference] of Object.entries(modules)) {
      agreeWithSpectrum(ran, adapter, `${module}.weight`, reference);
      const row = only(ran.table('spectra'), { task: adapter, tensor: `${module}.weight` });
      assert.deepEqual([row['nominal_rank'], row['dead_ranks']], [r, 0]);
    }
  }
}

test('agrees with the reference spectra of the sample fine-tunes', async () => {
  await agreeWithTasks(VIT, readJson<TaskReference>(FIXTURES, 'vit-digits-svd.json'));
});

test('agrees with the reference spectra of the sample adapters', async () => {
  await agreeWithAdapters(CHARLM, readJson<AdapterReference>(FIXTURES, 'charlm-lora.json'));
});

test('agrees with every reference spectrum of vit-digits', WITH_ZOO, async () => {
  const all = readJson<TaskReference>(ZOO, 'reference/vit-digits/svd.json');
  await agreeWithTasks(path.join(ZOO, 'vit-digits'), all);
});

test('agrees with every reference spectrum of the adapters', WITH_ZOO, async () => {
  await agreeWithAdapters(
    path.join(ZOO, 'charlm'),
    readJson<AdapterReference>(ZOO, 'reference/charlm/lora.json'),
  );
});

test('has the columns that command line consumers rely on, one row per matrix of the base', async () => {
  const opened = await study(VIT, 'base', ['rot90']);
  const ran = await run(spectrum, opened, {}, matrixPasses());
  const table = ran.artifacts.find((each) => each.kind === 'table' && each.id === 'spectra');
  assert.ok(table?.kind === 'table');
  assert.deepEqual(
    table.columns.slice(0, 11).map(({ name }) => name),
    [
      'tensor', 'task', 'singular_values', 'stable_rank', 'effective_rank', 'rank90', 'rank95', 'rank99',
      'effective_rank_energy', 'nominal_rank', 'dead_ranks',
    ],
  ); // prettier-ignore
  const matrices = opened.base?.tensors.filter(({ span }) => span.shape.length >= 2) ?? [];
  assert.deepEqual(
    new Set(ran.table('spectra').map((row) => row['tensor'])),
    new Set(matrices.map(({ name }) => name)),
  );
  const vectors = (opened.base?.tensors.length ?? 0) - matrices.length;
  assert.match(table.caption ?? '', new RegExp(`Left out: ${String(vectors)} tensors of fewer than two`));
  assert.deepEqual(JSON.parse(JSON.stringify(ran.artifacts)), ran.artifacts);
});

test('a matrix that did not change has no rank at all', async () => {
  const opened = await study(VIT, 'base', ['rot90']);
  const ran = await run(spectrum, opened, { tensors: 'classifier,layer.5.output' }, matrixPasses());
  const row = only(ran.table('spectra'), { tensor: 'classifier.weight' });
  assert.equal(row['norm'], 0);
  for (const figure of ['stable_rank', 'effective_rank', 'effective_rank_energy', 'rank90', 'top_share']) {
    assert.equal(row[figure], null, figure);
  }
  assert.equal(cell(ran.matrix('effective_rank:rot90'), 'output', 'head'), null);
});

/** A base and an adapter over one module; factors as given, r × n and m × r. */
function adapterStudy(rows: number, columns: number, a: number[], b: number[], r: number) {
  const folder = temporaryFolder();
  const name = 'model.layers.0.self_attn.q_proj';
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${name}.weight`]: { shape: [rows, columns], values: [1] },
  });
  writeAdapter(
    path.join(folder, 'adapter'),
    { r, lora_alpha: r },
    {
      [`base_model.model.${name}.lora_A.weight`]: { shape: [r, columns], values: a },
      [`base_model.model.${name}.lora_B.weight`]: { shape: [rows, r], values: b },
    },
  );
  return { folder, tensor: `${name}.weight` };
}

test('ranks of an adapter that add nothing are dead, and the advice names them', async () => {
  // The second rank repeats the first, the third is zero: the product is 3 e₁e₁ᵀ.
  const { folder } = adapterStudy(4, 3, [1, 0, 0, 1, 0, 0, 0, 1, 0], [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 3);
  const ran = await run(spectrum, await study(folder, 'base', ['adapter']));
  const row = only(ran.table('spectra'), {});
  agree(row['norm'], 3, 'norm');
  assert.deepEqual([row['nominal_rank'], row['dead_ranks'], row['rank99']], [3, 2, 1]);
  const note = ran.artifacts.find(({ id }) => id === 'suggested-ranks');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /rank 1 keeps 95 % of the energy of every matrix, 3 is allotted/);
  assert.match(note.text, /2 of 3 allotted ranks are dead and can be cut without any loss/);
});

test('an adapter that was never trained is said to be so', async () => {
  const { folder } = adapterStudy(2, 2, [1, 2], [0, 0], 1);
  const ran = await run(spectrum, await study(folder, 'base', ['adapter']));
  assert.deepEqual(only(ran.table('spectra'), {})['dead_ranks'], 1);
  const note = ran.artifacts.find(({ id }) => id === 'suggested-ranks');
  assert.ok(note?.kind === 'note');
  assert.match(note.text, /every matrix is zero: an adapter whose B is still zero was never trained/);
});

test('an adapter has the same spectrum without its base', async () => {
  const { folder, tensor } = adapterStudy(3, 2, [1, 2, -1, 1], [1, 0, 2, 1, 0, 1], 2);
  const [beside, alone] = [
    await run(spectrum, await study(folder, 'base', ['adapter'])),
    await run(spectrum, await study(folder, null, ['adapter'])),
  ];
  const row = only(alone.table('spectra'), { tensor });
  assert.deepEqual(row, only(beside.table('spectra'), { tensor }));
  assert.equal((row['singular_values'] as readonly number[]).length, 2);
});

test('of the weights: base and tasks side by side, an adapter as it acts on its base', async () => {
  const { folder, tensor } = adapterStudy(2, 2, [1, 0], [0, 3], 1);
  const ran = await run(spectrum, await study(folder, 'base', ['adapter']), { of: 'weights' });
  const [base, adapter] = ['base', 'adapter'].map((task) => only(ran.table('spectra'), { task, tensor }));
  // The base is all ones, so of rank one with σ₁ = 2; the adapter adds 3 at (2, 1).
  agree(base?.['norm'], 2, 'norm of the base');
  agree(base?.['stable_rank'], 1, 'stable rank of the base');
  agree(adapter?.['norm'], Math.sqrt(1 + 1 + 16 + 1), 'norm with the adapter');
  const singular = adapter?.['singular_values'] as readonly number[];
  agree((singular[0] ?? 0) * (singular[1] ?? 0), Math.abs(1 * 1 - 4 * 1), 'determinant');
});

test('says that a task vector needs a base, and that weights do not', async () => {
  const opened = await study(VIT, null, ['rot90']);
  const context = {
    passes: matrixPasses(),
    signal: new AbortController().signal,
    memoryBudget: 2 ** 20,
    progress: () => undefined,
    log: () => undefined,
  };
  const output = await spectrum.run(opened, { of: 'delta' }, context);
  assert.ok(!output.ok);
  assert.equal(output.problem.code, 'lens-needs-base');
  const ran = await run(spectrum, opened, { of: 'weights', tensors: 'layer.0.output' }, matrixPasses());
  assert.equal(ran.table('spectra').length, 1);
});

test('a convolution counts as first dimension × the rest, and vectors are left out', async () => {
  const folder = temporaryFolder();
  const tensors = (value: number) => ({
    'conv1.weight': { shape: [2, 1, 2, 1], values: [value, 0, 0, 2 * value] },
    'bn1.weight': { shape: [2], values: [value] },
    steps: { shape: [1, 1], values: [7], dtype: 'I64' as const },
  });
  writeSafetensors(path.join(folder, 'base/model.safetensors'), tensors(0));
  writeSafetensors(path.join(folder, 'tuned/model.safetensors'), tensors(1));
  const ran = await run(spectrum, await study(folder, 'base', ['tuned']));
  const row = only(ran.table('spectra'), {});
  assert.deepEqual([row['tensor'], row['shape'], row['values']], ['conv1.weight', '2x2', 2]);
  agree((row['singular_values'] as readonly number[])[0], 2, 'σ₁');
  agree((row['singular_values'] as readonly number[])[1], 1, 'σ₂');
});

test('a matrix with NaN is left out with a finding, the others are there', async () => {
  const folder = temporaryFolder();
  const write = (name: string, broken: number) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'a.weight': { shape: [2, 2], values: [1, 0, 0, broken] },
      'b.weight': { shape: [2, 2], values: [broken > 0 ? broken : 5, 0, 0, 1] },
    });
  write('base', 1);
  write('sound', 2);
  writeSafetensors(path.join(folder, 'broken/model.safetensors'), {
    'a.weight': { shape: [2, 2], values: [NaN, 0, Infinity, 1] },
    'b.weight': { shape: [2, 2], values: [3, 3, 3, 3] },
  });
  const ran = await run(spectrum, await study(folder, 'base', ['sound', 'broken']));
  assert.deepEqual(
    ran.table('spectra').map((row) => [row['task'], row['tensor']]),
    [
      ['sound', 'a.weight'],
      ['sound', 'b.weight'],
      ['broken', 'b.weight'],
    ],
  );
  assert.equal(ran.findings.length, 1);
  assert.equal(ran.findings[0]?.code, 'matrix-not-finite');
  assert.match(ran.findings[0]?.message ?? '', /^broken: 2 of 4 entries of a\.weight are NaN/);
});

test('draws the curves of the tensors with the largest change, one line per task', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'vflip']);
  const ran = await run(spectrum, opened, { tensors: 'layer.2,classifier', curves: 2 }, matrixPasses());
  const series = ran.artifacts.filter((each): each is Series => each.kind === 'series');
  assert.equal(series.length, 4);
  const chosen = new Set(series.map(({ facets }) => facets?.['tensor']));
  const norms = new Map<string, number>();
  for (const row of ran.table('spectra')) {
    const tensor = String(row['tensor']);
    norms.set(tensor, (norms.get(tensor) ?? 0) + (row['norm'] as number) ** 2);
  }
  const largest = [...norms].sort(([, a], [, b]) => b - a).map(([tensor]) => tensor);
  assert.deepEqual(chosen, new Set(largest.slice(0, 2)));
  for (const { lines, x, facets } of series) {
    assert.deepEqual(
      lines.map(({ task }) => task),
      ['rot90', 'vflip'],
    );
    const values = unpackNumbers(lines[0]?.values ?? []);
    assert.equal(values.length, x.values.length);
    if (facets?.['metric'] === 'cumulative_energy') agree(values.at(-1), 1, 'all of the energy');
  }
});

test('a selection without a tensor is refused by name', async () => {
  const opened = await study(VIT, 'base', ['rot90']);
  const output = await spectrum.run(
    opened,
    { of: 'delta', tensors: 'nothing, like this' },
    {
      passes: matrixPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.equal(output.problem.code, 'no-tensor-chosen');
  assert.match(output.problem.message, /"nothing" or "like this"/);
});

test('lists only the largest values where all would be too many, and says so', async () => {
  const folder = temporaryFolder();
  const tensors = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [
      `layers.${String(index)}.weight`,
      { shape: [6, 6], values: [1, 2, 0, 0, 5, 3, 1] },
    ]),
  );
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  const opened = await openStudy({ name: 's', tasks: [{ name: 't', path: folder }] });
  assert.ok(opened.ok);
  const output = await spectrum.run(
    opened.value,
    { of: 'weights' },
    {
      passes: matrixPasses(),
      signal: new AbortController().signal,
      // A sixteenth of it holds 60 numbers: two for each matrix.
      memoryBudget: 60 * 8 * 16,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(output.ok);
  const table = output.value.artifacts.find((each) => each.kind === 'table' && each.id === 'spectra');
  assert.ok(table?.kind === 'table');
  assert.match(table.caption ?? '', /lists the largest only/);
  assert.deepEqual(
    table.rows.map((row) => (row[2] as readonly number[]).length),
    table.rows.map(() => 2),
  );
});

test('living ranks with next to no energy are redundant, dead ones are not', async () => {
  // B·A is diagonal: singular values 1, 0.5, 0.01, 0.001 and 0.
  const unit = (size: number) => Array.from({ length: 25 }, (_, at) => (at % 6 === 0 ? size : 0));
  const b = [1, 0.5, 0.01, 0.001, 0].flatMap((value, k) => unit(value).slice(5 * k, 5 * k + 5));
  const { folder } = adapterStudy(5, 5, unit(1), b, 5);
  const ran = await run(spectrum, await study(folder, 'base', ['adapter']));
  const [row] = ran.table('spectra');
  assert.deepEqual([row?.['nominal_rank'], row?.['dead_ranks'], row?.['redundant_ranks']], [5, 1, 2]);
  assert.deepEqual([row?.['rank90'], row?.['rank95'], row?.['rank99']], [2, 2, 2]);
  const [layer] = ran.table('layers');
  assert.deepEqual([layer?.['rank90'], layer?.['suggested_rank'], layer?.['rank99']], [2, 2, 2]);
  assert.equal(layer?.['redundant_ranks'], 2);
  const note = ran.artifacts.find(({ id }) => id === 'suggested-ranks');
  assert.ok(note?.kind === 'note');
  assert.match(note.text, /2 living ranks are redundant/);
});
