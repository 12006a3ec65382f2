import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { adapterLibrary } from '../../src/lens/adapter-library';
import { kMeans } from '../../src/lens/k-means';
import { farthestFirst } from '../../src/lens/library-artifacts';
import { quantile } from '../../src/lens/model-based-clustering';
import { unpackNumbers } from '../../src/protocol/numbers';
import { svd } from '../../src/tensor/linear/svd';
import { temporaryFolder, writeAdapter } from '../model/write-safetensors';
import { agree, only, readJson, run, study, WITH_ZOO, ZOO } from './run';
import { product } from './slow-passes';

interface Reference {
  readonly adapters: readonly string[];
  readonly cos_all: readonly (readonly number[])[];
}

test('cosines are those of the reference', WITH_ZOO, async () => {
  const { adapters, cos_all } = readJson<Reference>(ZOO, 'reference/charlm/lora.json');
  const opened = await study(path.join(ZOO, 'charlm/lora'), null, adapters);
  // The second has no room for the factors of all adapters at once.
  for (const budget of [2 ** 28, 2 ** 18]) {
    const ran = await run(adapterLibrary, opened, {}, undefined, budget);
    const cosines = unpackNumbers(ran.matrix('cosine').values);
    cos_all.flat().forEach((value, at) => {
      assert.ok(Math.abs((cosines[at] ?? NaN) - value) < 1e-6, `${String(at)}: ${String(cosines[at])}`);
    });
  }
});

const [ROWS, COLUMNS, RANK] = [5, 4, 2];
const wave = (count: number, seed: number) =>
  Array.from({ length: count }, (_, at) => Math.fround(Math.sin(seed * 3.7 + at * at * 1.3)));

/** Adapters over one module, factors by name. */
async function library(factors: Readonly<Record<string, { a: number[]; b: number[] }>>) {
  const folder = temporaryFolder();
  const name = 'base_model.model.model.layers.0.self_attn.q_proj';
  for (const [adapter, { a, b }] of Object.entries(factors)) {
    writeAdapter(
      path.join(folder, adapter),
      { r: RANK, lora_alpha: RANK },
      {
        [`${name}.lora_A.weight`]: { shape: [RANK, COLUMNS], values: a },
        [`${name}.lora_B.weight`]: { shape: [ROWS, RANK], values: b },
      },
    );
  }
  return study(folder, null, Object.keys(factors));
}

test('prototypes are the first right singular vectors of the products', async () => {
  const factors = Object.fromEntries(
    [1, 2, 3].map((seed) => [`a${String(seed)}`, { a: wave(8, seed), b: wave(10, seed + 9) }]),
  );
  const ran = await run(adapterLibrary, await library(factors));
  const decomposed = Object.values(factors).map(({ a, b }) => {
    const values = product({
      scale: 1, rank: RANK, rows: ROWS, columns: COLUMNS, a: Float64Array.from(a), b: Float64Array.from(b),
    }); // prettier-ignore
    return svd({ rows: ROWS, columns: COLUMNS, values: Float64Array.from(values) });
  });
  const found = unpackNumbers(ran.matrix('arrow').values);
  decomposed.forEach((x, i) => {
    const energy = x.values.reduce((sum, value) => sum + value * value, 0);
    agree(ran.table('clusters')[i]?.['prototype_share'], (x.values[0] ?? NaN) ** 2 / energy, 'share');
    decomposed.forEach((y, j) => {
      let sum = 0;
      for (let k = 0; k < COLUMNS; k++) sum += (x.right.values[k] ?? NaN) * (y.right.values[k] ?? NaN);
      agree(found[i * 3 + j] ?? null, Math.abs(sum), `${String(i)} ${String(j)}`);
    });
  });
});

test('the same change in other factors is a near-duplicate, for MBC it is not the same', async () => {
  const [a, b] = [wave(8, 1), wave(10, 2)];
  // B·A does not change when the ranks change places.
  const turned = {
    a: [...a.slice(4), ...a.slice(0, 4)],
    b: b.map((_, at) => b[at % 2 === 0 ? at + 1 : at - 1] ?? NaN),
  };
  const ran = await run(adapterLibrary, await library({ one: { a, b }, two: turned, three: { a, b } }), {
    clusters: 2,
  });
  assert.equal(ran.table('near_duplicates').length, 3);
  const clusters = ran.table('clusters').map(({ cluster }) => cluster);
  assert.equal(clusters[0], clusters[2]);
  assert.notEqual(clusters[0], clusters[1]);
});

test('MBC is left out with the reason where adapters have other ranks or modules', async () => {
  const folder = path.resolve(import.meta.dirname, '../../samples/charlm/lora');
  const ran = await run(adapterLibrary, await study(folder, null, ['json-r8', 'python-rslora-r16']));
  assert.equal(only(ran.table('clusters'), { adapter: 'json-r8' })['cluster'], null);
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note');
  assert.match(note.text, /another rank than json-r8/);
});

test('an adapter with NaN is reported, and says nothing of the others', async () => {
  const factors = (seeds: readonly number[]) =>
    Object.fromEntries(
      seeds.map((seed) => [`a${String(seed)}`, { a: wave(8, seed), b: wave(10, seed + 9) }]),
    );
  const sound = await run(adapterLibrary, await library(factors([1, 2, 3, 4, 5])));
  const broken = { zz: { a: wave(8, 6).fill(NaN, 3, 4), b: wave(10, 6) } };
  const ran = await run(adapterLibrary, await library({ ...factors([1, 2, 3, 4, 5]), ...broken }));
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  assert.match(ran.findings[0]?.message ?? '', /^zz: the factors of .*q_proj/);
  for (const { adapter, norm, agreement } of sound.table('clusters')) {
    const found = only(ran.table('clusters'), { adapter: adapter ?? null });
    agree(found['norm'], Number(norm), 'norm');
    agree(found['agreement'], Number(agreement), 'agreement');
    assert.equal(found['cluster'], null);
  }
  assert.equal(only(ran.table('clusters'), { adapter: 'zz' })['norm'], null);
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note');
  assert.match(note.text, /zz has factors that hold NaN/);
  assert.doesNotMatch(note.text, /choice.*zz/);
});

test('quantiles, k-means and farthest-first by hand', () => {
  assert.equal(quantile(Float32Array.of(4, 1, 3, 2), 0.5), 2.5);
  assert.equal(quantile(Float32Array.of(4, 0, 2, 1, 3, 5), 0.8), 4);
  const points = { count: 4, width: 1, values: Float64Array.of(0, 10, 1, 11) };
  const { clusters, inertia } = kMeans(points, 2);
  assert.deepEqual(clusters, [0, 1, 0, 1]);
  assert.equal(inertia, 1);
  const line = [0, 1, 2, 9];
  const distances = Float64Array.from(line.flatMap((x) => line.map((y) => Math.abs(x - y))));
  assert.deepEqual(farthestFirst(distances, 4, 3), [1, 3, 0]);
  // What is as good as chosen already is no choice.
  assert.deepEqual(farthestFirst(distances, 4, 4, 1.5), [1, 3]);
});
