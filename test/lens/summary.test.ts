import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { summary } from '../../src/lens/summary';
import { openStudy } from '../../src/model/open-study';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { agreeWithStats, type StatsReference } from './reference';
import { cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';

test('agrees with the reference statistics of the samples', async () => {
  const vit = await run(summary, await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90']));
  for (const [name, figures] of Object.entries(readJson<StatsReference>(FIXTURES, 'vit-digits-stats.json'))) {
    agreeWithStats(vit, name, figures);
  }
  const charlm = await run(summary, await study(path.join(SAMPLES, 'charlm'), 'base', ['json']));
  for (const [name, figures] of Object.entries(readJson<StatsReference>(FIXTURES, 'charlm-stats.json'))) {
    agreeWithStats(charlm, name, figures);
  }
});

for (const network of ['vit-digits', 'charlm', 'cnn-digits', 'moe-toy']) {
  test(`agrees with all reference statistics of ${network}`, WITH_ZOO, async () => {
    const reference = readJson<StatsReference>(ZOO, 'reference', network, 'stats.json');
    const tasks = Object.keys(reference).filter((name) => name !== 'base');
    const ran = await run(summary, await study(path.join(ZOO, network), 'base', tasks));
    for (const [name, figures] of Object.entries(reference)) agreeWithStats(ran, name, figures);
  });
}

test('summarises the own tensors of an adapter', async () => {
  const ran = await run(summary, await study(path.join(SAMPLES, 'charlm'), null, ['lora/json-r8']));
  const rows = ran.table('tensors');
  assert.equal(rows.length, 56);
  const row = only(rows, { tensor: 'base_model.model.model.layers.0.mlp.up_proj.lora_A.weight' });
  assert.equal(row['shape'], '8x128');
  assert.equal(row['module'], 'mlp.up');
});

test('counts parameters per dtype, module and cell', async () => {
  const ran = await run(summary, await study(path.join(SAMPLES, 'charlm'), 'base', []));
  assert.deepEqual(ran.table('dtypes'), [
    { checkpoint: 'base', dtype: 'BF16', tensors: 38, parameters: 623_744, bytes: 2 * 623_744 },
  ]);
  const total = ran.table('modules').reduce((sum, row) => sum + (row['parameters'] as number), 0);
  assert.equal(total, 623_744);
  const matrix = ran.matrix('parameters:base');
  assert.equal(cell(matrix, 'layer 2', 'attention.key'), 64 * 128);
  assert.equal(cell(matrix, 'input', 'embedding.token'), 256 * 128);
  assert.equal(cell(matrix, 'input', 'mlp.up'), null);
});

test('the root mean square of a cell is that of its tensors', async () => {
  const reference = readJson<StatsReference>(FIXTURES, 'charlm-stats.json');
  const ran = await run(summary, await study(path.join(SAMPLES, 'charlm'), 'base', []));
  const wanted = reference['base']?.['model.layers.3.mlp.gate_proj.weight']?.['rms'] ?? NaN;
  const found = cell(ran.matrix('rms:base'), 'layer 3', 'mlp.gate') ?? NaN;
  assert.ok(Math.abs(found - wanted) < 1e-9);
});

test('names tensors with NaN and infinities, with their first positions', async () => {
  const folder = temporaryFolder();
  const values = [1, 2, 3, 4, 5, NaN];
  writeSafetensors(path.join(folder, 'model.safetensors'), {
    'a.weight': { shape: [2, 3], values },
    'b.weight': { shape: [2], values: [Infinity, -1] },
    'c.weight': { shape: [2], values: [1, 1] },
  });
  const opened = await openStudy({ name: 's', base: folder, tasks: [] });
  assert.ok(opened.ok);
  const ran = await run(summary, opened.value);
  const row = only(ran.table('tensors'), { tensor: 'a.weight' });
  assert.deepEqual([row['count'], row['mean'], row['max'], row['nan'], row['inf']], [6, 3, 5, 1, 0]);
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['tensor-nan', 'tensor-infinite'],
  );
  const note = ran.artifacts[0];
  assert.ok(note?.kind === 'note');
  assert.match(note.text, /a\.weight: 1 NaN of 6 entries, first NaN at \[1, 2\]/);
  assert.match(note.text, /b\.weight: 1 ±Inf of 2 entries, first \+Inf at \[0\]/);
});

test('what has no finite entry has no mean', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'model.safetensors'), {
    'a.weight': { shape: [2], values: [NaN] },
    'b.weight': { shape: [0, 4] },
  });
  const opened = await openStudy({ name: 's', base: folder, tasks: [] });
  assert.ok(opened.ok);
  const rows = (await run(summary, opened.value)).table('tensors');
  for (const row of rows)
    assert.deepEqual([row['mean'], row['std'], row['min'], row['l2']], [null, null, null, null]);
});

test('recommends what to repair, to leave out, and to convert with care', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'model.safetensors'), {
    'broken.weight': { shape: [2, 2], values: [1, NaN] },
    'layers.0.lora_B.weight': { shape: [2, 2] },
    'bias': { shape: [3] },
    'wide.weight': { shape: [2, 2], values: [70_000, 60_000] },
    // One entry of 40 among 10,000 of ±1: its root mean square is √(1 + 1599/10⁴) ≈ 1.077.
    'far.weight': { shape: [100, 100], values: Array.from({ length: 10_000 }, (_, at) => (at === 7 ? 40 : (-1) ** at)) },
  });
  const opened = await openStudy({ name: 's', base: folder, tasks: [] });
  assert.ok(opened.ok);
  const note = (await run(summary, opened.value)).artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /repair broken\.weight first/);
  assert.match(note.text, /changes nothing at layers\.0\.lora_B\.weight/);
  assert.match(note.text, /bias holds only zeros/);
  assert.match(note.text, /do not convert wide\.weight to float16/);
  assert.match(note.text, /quantise far\.weight by rows or groups rather than whole: few entries reach 37\.1 times/);
}); // prettier-ignore
