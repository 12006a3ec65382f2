import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { headComposition } from '../../src/lens/head-composition';
import { openStudy } from '../../src/model/open-study';
import type { Graph } from '../../src/protocol/artifact';
import { temporaryFolder, writeAdapter } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study, type Row } from './run';
import { formedHead, norm, slowDecomposition, times, turned } from './slow-heads';
import { randomLayers, weightsOf, writeTransformer, type Layer } from './small-transformer';

const SIZES = { layers: 3, heads: 4, keyValueHeads: 2, headSize: 3, hidden: 10 };
const LAYERS = randomLayers(SIZES, 20);

/** Scores of every component between two heads of two layers, formed and decomposed. */
function slowScores(early: Layer, earlyHead: number, late: Layer, lateHead: number, fold: boolean) {
  const { ov } = formedHead(weightsOf(SIZES, early, fold), earlyHead);
  const { qk, ov: passing } = formedHead(weightsOf(SIZES, late, fold), lateHead);
  return slowDecomposition(ov)
    .left.slice(0, SIZES.headSize)
    .map((u) => {
      const column = turned([u]);
      return {
        Q: norm(times(turned(qk), column)) / norm(qk),
        K: norm(times(qk, column)) / norm(qk),
        V: norm(times(passing, column)) / norm(passing),
      };
    });
}

for (const fold of [true, false]) {
  test(`scores are those of the formed matrices, with the gain ${fold ? 'folded in' : 'left out'}`, async () => {
    const folder = writeTransformer(path.join(temporaryFolder(), 'base'), SIZES, LAYERS);
    const opened = await study(path.dirname(folder), 'base', []);
    const given = { components: 0, strongest: 1000, fold_gain: fold };
    const rows = (await run(headComposition, opened, given)).table('compositions');
    // Three pairs of layers, sixteen pairs of heads, three kinds.
    assert.equal(rows.length, 144);
    for (const row of rows) {
      const [early, late] = [layerOf(row['early_layer']), layerOf(row['late_layer'])];
      assert.ok(early < late);
      const scores = slowScores(
        LAYERS[early] as Layer,
        Number(row['early_head']),
        LAYERS[late] as Layer,
        Number(row['late_head']),
        fold,
      );
      const own = scores.map((each) => each[row['kind'] as 'Q' | 'K' | 'V']);
      agree(row['score'], Math.max(...own), JSON.stringify(row));
      agree(own[Number(row['component'])] ?? NaN, Math.max(...own), 'component');
      agree(row['ratio'], Math.max(...own) * Math.sqrt(SIZES.hidden), 'ratio');
    }
  });
}

function layerOf(name: Row[string] | undefined): number {
  return Number(String(name).split('.').at(-1));
}

test('matrix, graph and table say the same, and a head composes with later layers only', async () => {
  const folder = writeTransformer(path.join(temporaryFolder(), 'base'), SIZES, LAYERS);
  const ran = await run(headComposition, await study(path.dirname(folder), 'base', []), { strongest: 1000 });
  for (const row of ran.table('compositions')) {
    const label = (side: string) =>
      `layer ${String(layerOf(row[`${side}_layer`]))} · head ${String(row[`${side}_head`])}`;
    const matrix = ran.matrix(`${String(row['kind'])}:base`);
    agree(cell(matrix, label('early'), label('late')), Number(row['ratio']), label('early'));
    assert.equal(cell(matrix, label('late'), label('early')), null);
  }
  const graph = ran.artifacts.find((each): each is Graph => each.kind === 'graph');
  assert.equal(graph?.nodes.length, 12);
  const weights = graph.edges.map(({ weight }) => weight);
  assert.deepEqual(
    weights,
    [...weights].sort((a, b) => b - a),
  );
  for (const { from, to } of graph.edges) {
    assert.ok((graph.nodes[from]?.column ?? NaN) < (graph.nodes[to]?.column ?? NaN));
  }
});

test('a task is shown with its change, and an adapter as the sum of base and product', async () => {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), SIZES, LAYERS);
  // s·B·A with alpha/r = 2 adds 2 to the first column of the first row of W_Q of layer 2.
  writeAdapter(
    path.join(root, 'adapter'),
    {},
    {
      'base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight': { shape: [2, 10], values: unit(20) },
      'base_model.model.model.layers.2.self_attn.q_proj.lora_B.weight': { shape: [12, 2], values: unit(24) },
    },
  );
  const changed = structuredClone(LAYERS);
  const first = changed[2]?.query[0] ?? [];
  first[0] = Math.fround((first[0] ?? NaN) + 2);
  writeTransformer(path.join(root, 'whole'), SIZES, changed);
  const given = { strongest: 1000, components: 0 };
  const ran = await run(headComposition, await study(root, 'base', ['whole', 'adapter']), given);
  const rows = ran.table('compositions');
  const of = (task: string) => rows.filter((row) => row['task'] === task);
  const key = ({ kind, early_layer, early_head, late_layer, late_head }: Row): Row => ({
    kind: kind ?? null,
    early_layer: early_layer ?? null,
    early_head: early_head ?? null,
    late_layer: late_layer ?? null,
    late_head: late_head ?? null,
  });
  for (const row of of('adapter')) {
    const [whole, base] = [only(of('whole'), key(row)), only(of('base'), key(row))];
    assert.ok(Math.abs(Number(row['score']) - Number(whole['score'])) < 1e-6);
    agree(row['base_ratio'], Number(base['ratio']), 'base');
    agree(row['change'], Number(row['ratio']) - Number(base['ratio']), 'change');
    const touched = layerOf(row['late_layer']) === 2 && row['late_head'] === 0 && row['kind'] !== 'V';
    assert.equal(Number(row['change']) !== 0, touched, JSON.stringify(row));
  }
});

function unit(count: number): number[] {
  return Array.from({ length: count }, (_, at) => (at === 0 ? 1 : 0));
}

test('heads drawn at random reach about the baseline and hardly stand out', async () => {
  const sizes = { layers: 2, heads: 4, keyValueHeads: 4, headSize: 4, hidden: 48 };
  const folder = writeTransformer(path.join(temporaryFolder(), 'base'), sizes, randomLayers(sizes, 21));
  const given = { strongest: 1000, components: 1 };
  const ran = await run(headComposition, await study(path.dirname(folder), 'base', []), given);
  const ratios = ran.table('compositions').map((row) => Number(row['ratio']) ** 2);
  const mean = ratios.reduce((sum, value) => sum + value, 0) / ratios.length;
  assert.ok(Math.abs(mean - 1) < 0.25, String(mean));
});

test('a lone checkpoint may be given as a task', async () => {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'alone'), SIZES, LAYERS);
  const asTask = await run(headComposition, await study(root, null, ['alone']));
  const asBase = await run(headComposition, await study(root, 'alone', []));
  const scores = (rows: readonly Row[]) => rows.map((row) => row['score']);
  assert.deepEqual(scores(asTask.table('compositions')), scores(asBase.table('compositions')));
});

test('without config.json the number of heads is asked for, and never guessed', async () => {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), SIZES, LAYERS, null);
  const opened = await study(root, 'base', []);
  const context = {
    passes: { run: () => assert.fail('nothing is to be read') },
    signal: new AbortController().signal,
    memoryBudget: 2 ** 20,
    progress: () => undefined,
    log: () => undefined,
  };
  const refused = await headComposition.run(opened, {}, context);
  assert.equal(!refused.ok && refused.problem.code, 'head-split-unknown');
  const ran = await run(headComposition, opened, { heads: 4 });
  assert.ok(ran.table('compositions').length > 0);
});

test('a block with NaN is left out with a finding, and the others are shown', async () => {
  const root = temporaryFolder();
  const layers = structuredClone(LAYERS);
  (layers[1]?.value[0] ?? [])[0] = NaN;
  writeTransformer(path.join(root, 'base'), SIZES, layers);
  const ran = await run(headComposition, await study(root, 'base', []), { strongest: 1000 });
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['attention-left-out'],
  );
  assert.match(
    ran.findings[0]?.message ?? '',
    /layer 1: model\.layers\.1\.self_attn\.v_proj\.weight holds 1 NaN/,
  );
  const pairs = new Set(
    ran.table('compositions').map((row) => `${String(row['early_layer'])} ${String(row['late_layer'])}`),
  );
  assert.deepEqual([...pairs], ['model.layers.0 model.layers.2']);
});

test('adapters alone are refused: their heads are those of a sum', async () => {
  const opened = await openStudy({
    name: 'alone',
    tasks: [{ name: 'json-r8', path: path.join(SAMPLES, 'charlm/lora/json-r8') }],
  });
  assert.ok(opened.ok);
  const refused = await headComposition.run(
    opened.value,
    {},
    {
      passes: { run: () => assert.fail('nothing is to be read') },
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(!refused.ok && refused.problem.code, 'lens-needs-base');
});

test('reads the heads of the samples, gains and all', async () => {
  const vit = await run(headComposition, await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90']));
  assert.equal(vit.matrix('K:rot90').rows.length, 24);
  assert.deepEqual(vit.findings, []);
});
