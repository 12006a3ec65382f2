import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { headRank } from '../../src/lens/head-rank';
import { temporaryFolder } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study } from './run';
import { formedHead, norm, slowDecomposition, times } from './slow-heads';
import { randomLayers, weightsOf, writeTransformer, type Layer } from './small-transformer';

const SIZES = { layers: 2, heads: 4, keyValueHeads: 2, headSize: 3, hidden: 10 };
const LAYERS = randomLayers(SIZES, 30);

function written(layers: readonly Layer[] = LAYERS, sizes = SIZES): string {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), sizes, layers);
  return root;
}

for (const fold of [true, false]) {
  test(`figures are those of the formed matrices, with the gain ${fold ? 'folded in' : 'left out'}`, async () => {
    const ran = await run(headRank, await study(written(), 'base', []), { fold_gain: fold });
    const rows = ran.table('heads');
    assert.equal(rows.length, 16);
    LAYERS.forEach((layer, index) => {
      for (let head = 0; head < 4; head++) {
        const formed = formedHead(weightsOf(SIZES, layer, fold), head);
        for (const circuit of ['qk', 'ov'] as const) {
          const row = only(rows, {
            layer: `model.layers.${String(index)}`,
            head,
            circuit: circuit.toUpperCase(),
          });
          const matrix = formed[circuit];
          const values = slowDecomposition(matrix).values;
          const squares = values.map((value) => value ** 2);
          const total = squares.reduce((sum, value) => sum + value, 0);
          const shares = values.map((value) => value / values.reduce((sum, each) => sum + each, 0));
          const entropy = -shares.reduce(
            (sum, share) => sum + (share > 1e-12 ? share * Math.log(share) : 0),
            0,
          );
          let [rank, energy] = [0, 0];
          while (energy < 0.99 * total) energy += squares[rank++] ?? NaN;
          agree(row['spectral'], values[0] ?? NaN, 'spectral');
          agree(row['norm'], norm(matrix), 'norm');
          agree(row['stable_rank'], total / (squares[0] ?? NaN), 'stable rank');
          agree(row['effective_rank'], Math.exp(entropy), 'effective rank');
          assert.equal(row['rank99'], rank);
          agree(row['saturation'], rank / 3, 'saturation');
          const trace = matrix.reduce((sum, each, i) => sum + (each[i] ?? NaN), 0);
          agree(row['trace_share'], trace / (Math.sqrt(10) * norm(matrix)), 'trace');
          agree(row['logit_norm'], circuit === 'qk' ? norm(matrix) / Math.sqrt(3) : null, 'logit norm');
        }
      }
    });
    agree(cell(ran.matrix('QK logit scale:base'), 'layer 1', 'head 2'), scaleOf(1, 2, fold), 'heatmap');
  });
}

function scaleOf(layer: number, head: number, fold: boolean): number {
  const { qk } = formedHead(weightsOf(SIZES, LAYERS[layer] as Layer, fold), head);
  return (slowDecomposition(qk).values[0] ?? NaN) / Math.sqrt(3);
}

test('a head that copies has 1, and one that takes away −1', async () => {
  const layers = structuredClone(LAYERS);
  const [copying, other] = layers;
  for (const [layer, sign] of [
    [copying, 1],
    [other, -1],
  ] as const) {
    // W_O = ± W_Vᵀ for the two query heads of a group, so that W_OV = ± W_VᵀW_V has eigenvalues of one sign.
    if (!layer) continue;
    layer.gain.fill(1);
    layer.output = layer.output.map((row, i) =>
      row.map((_, column) => sign * (layer.value[Math.floor(column / 6) * 3 + (column % 3)]?.[i] ?? NaN)),
    );
  }
  const ran = await run(headRank, await study(written(layers), 'base', []));
  for (let head = 0; head < 4; head++) {
    agree(cell(ran.matrix('OV copying:base'), 'layer 0', `head ${String(head)}`), 1, 'copies');
    agree(cell(ran.matrix('OV copying:base'), 'layer 1', `head ${String(head)}`), -1, 'takes away');
  }
});

test('a head of rank 1 is named as wasted, one of zeros is undefined', async () => {
  const layers = structuredClone(LAYERS);
  const [layer] = layers;
  assert.ok(layer);
  const query = layer.query.slice(0, 3);
  layer.query.splice(
    0,
    3,
    ...times(
      query.map((_, i) => [i + 1]),
      query.slice(0, 1),
    ),
  );
  for (let row = 3; row < 6; row++) layer.query[row]?.fill(0);
  const ran = await run(headRank, await study(written(layers), 'base', []));
  const rows = ran
    .table('heads')
    .filter((row) => row['circuit'] === 'QK' && row['layer'] === 'model.layers.0');
  assert.equal(only(rows, { head: 0 })['rank99'], 1);
  assert.equal(only(rows, { head: 1 })['rank99'], null);
  assert.equal(only(rows, { head: 1 })['eigenvalue_share'], null);
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /QK of layer 0 head 0/);
});

test('a task is shown with its change against the base', async () => {
  const ran = await run(headRank, await study(path.join(SAMPLES, 'charlm'), 'base', ['json']));
  const rows = ran.table('heads');
  assert.equal(rows.length, 2 * 4 * 4 * 2);
  for (const row of rows) {
    if (row['task'] === 'base') {
      assert.equal(row['effective_rank_change'], null);
      continue;
    }
    const base = only(rows, {
      task: 'base',
      layer: row['layer'] ?? null,
      head: row['head'] ?? null,
      circuit: row['circuit'] ?? null,
    });
    const change = Number(row['effective_rank']) - Number(base['effective_rank']);
    agree(row['effective_rank_change'], change, 'change');
  }
  assert.equal(ran.matrix('QK effective rank change:json').rows.length, 4);
});
