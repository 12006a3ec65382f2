import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { adapterMergeGap } from '../../src/lens/adapter-merge-gap';
import { temporaryFolder, writeAdapter, type Written } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';

const Q = 'model.layers.0.self_attn.q_proj';
const K = 'model.layers.0.self_attn.k_proj';
const V = 'model.layers.1.self_attn.v_proj';

/** Numbers about 0 that repeat for a seed, exact in float32. */
function numbers(count: number, seed: number): number[] {
  let state = seed + 1;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return ((state % 2001) - 1000) / 1024;
  });
}

interface Small {
  readonly rank: number;
  readonly alpha: number;
  readonly modules: readonly string[];
  readonly seed: number;
}

const [ROWS, COLUMNS] = [9, 8];
const aOf = ({ rank, seed }: Small, module: string) =>
  numbers(rank * COLUMNS, seed * 100 + module.length * 7);
const bOf = ({ rank, seed }: Small, module: string) => numbers(ROWS * rank, seed * 900 + module.length * 11);

async function written(adapters: readonly Small[]) {
  const folder = temporaryFolder();
  const names = adapters.map((each, at) => {
    const name = `adapter${String(at)}`;
    const tensors: Record<string, Written> = {};
    for (const module of each.modules) {
      const factor = (side: string) => `base_model.model.${module}.lora_${side}.weight`;
      tensors[factor('A')] = { shape: [each.rank, COLUMNS], values: aOf(each, module) };
      tensors[factor('B')] = { shape: [ROWS, each.rank], values: bOf(each, module) };
    }
    const config = { peft_type: 'LORA', r: each.rank, lora_alpha: each.alpha };
    writeAdapter(path.join(folder, name), config, tensors);
    return name;
  });
  return study(folder, null, names);
}

const times = (values: readonly number[], factor: number) => values.map((value) => value * factor);
const plus = (x: readonly number[], y: readonly number[]) => x.map((value, at) => value + (y[at] ?? NaN));
const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);

/** B·A, entry by entry. */
function dense(b: readonly number[], a: readonly number[], rank: number): number[] {
  return Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const [row, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? NaN) * (a[k * COLUMNS + column] ?? NaN);
    return sum;
  });
}

/** TIES of lists, after its description: trim, elect, mean of those that agree. */
function slowTies(lists: readonly (readonly number[])[], weights: readonly number[], density: number): number[] {
  const trimmed = lists.map((list) => {
    const order = list.map((_, at) => at).sort((x, y) => Math.abs(list[y] ?? 0) - Math.abs(list[x] ?? 0));
    const kept = new Set(order.slice(0, Math.floor(density * list.length)));
    return list.map((value, at) => (kept.has(at) ? value : 0));
  });
  return (lists[0] ?? []).map((_, at) => {
    const values = trimmed.map((list) => list[at] ?? NaN);
    const sign = values.reduce((x, y) => x + y, 0) >= 0 ? 1 : -1;
    const agreeing = values.flatMap((value, t) => (Math.sign(value) === sign ? [value * (weights[t] ?? NaN)] : []));
    return agreeing.length > 0 ? agreeing.reduce((x, y) => x + y, 0) / agreeing.length : 0;
  });
} // prettier-ignore

const FIRST: Small = { rank: 3, alpha: 6, modules: [Q, K], seed: 1 };
const SECOND: Small = { rank: 3, alpha: 3, modules: [Q, V], seed: 2 };
const WEIGHTS = [0.7, 0.4];
const SCALES = [2, 1];

function truthOf(module: string): number[] {
  return [FIRST, SECOND]
    .map((each, t) => ({ each, factor: (WEIGHTS[t] ?? NaN) * (SCALES[t] ?? NaN) }))
    .filter(({ each }) => each.modules.includes(module))
    .map(({ each, factor }) => times(dense(bOf(each, module), aOf(each, module), 3), factor))
    .reduce(plus);
}

function checkRow(row: Readonly<Record<string, unknown>>, merged: readonly number[], truth: readonly number[], what: string) {
  const rest = plus(merged, times(truth, -1));
  const [own, whole] = [inner(merged, merged), inner(truth, truth)];
  agree(row['error'] as number, Math.sqrt(inner(rest, rest) / whole), `${what} error`);
  agree(row['cosine'] as number, inner(merged, truth) / Math.sqrt(own * whole), `${what} cosine`);
  agree(row['norm_ratio'] as number, Math.sqrt(own / whole), `${what} ratio`);
} // prettier-ignore

const LAMBDA = 'adapter0=0.7,adapter1=0.4';

test('linear and ties are products of merged factors, svd counts the scale twice, cat is exact', async () => {
  const density = 0.6;
  const ran = await run(adapterMergeGap, await written([FIRST, SECOND]), { lambda: LAMBDA, density });
  const roots = WEIGHTS.map((weight, t) => Math.sqrt(weight * (SCALES[t] ?? NaN)));
  const sides = [FIRST, SECOND].map((each) => ({ a: aOf(each, Q), b: bOf(each, Q) }));
  const summed = (side: 'a' | 'b') => sides.map((each, t) => times(each[side], roots[t] ?? NaN)).reduce(plus);
  const elected = (side: 'a' | 'b') => slowTies(sides.map((each) => each[side]), roots, density); // prettier-ignore
  const truth = truthOf(Q);
  const row = (method: string, tensor = `${Q}.weight`) => only(ran.table('tensors'), { tensor, method });
  checkRow(row('linear'), dense(summed('b'), summed('a'), 3), truth, 'linear');
  checkRow(row('ties'), dense(elected('b'), elected('a'), 3), truth, 'ties');
  assert.deepEqual([row('cat')['error'], row('cat')['rank'], row('linear')['rank']], [0, 6, 3]);
  // Of a module of one adapter the factors are kept, and its rank suffices: svd is the change times its scale.
  const alone = row('svd', `${K}.weight`);
  checkRow(alone, times(truthOf(K), 2), truthOf(K), 'svd');
  assert.equal(row('linear', `${K}.weight`)['error'], 0);
  assert.equal(row('cat_resized', `${V}.weight`)['error'], 0);
});

test('figures over all modules are those of the modules put together', async () => {
  const ran = await run(adapterMergeGap, await written([FIRST, SECOND]), { lambda: LAMBDA, rank: 6 });
  const twice = [FIRST, SECOND].map((each, t) => ({ each, factor: (WEIGHTS[t] ?? NaN) * (SCALES[t] ?? NaN) ** 2 }));
  const merged = [Q, K, V].flatMap((module) =>
    twice
      .filter(({ each }) => each.modules.includes(module))
      .map(({ each, factor }) => times(dense(bOf(each, module), aOf(each, module), 3), factor))
      .reduce(plus),
  );
  checkRow(only(ran.table('methods'), { method: 'svd' }), merged, [Q, K, V].flatMap(truthOf), 'svd'); // prettier-ignore
  const layer = cell(ran.matrix('layers'), 'layer 1', 'PEFT svd');
  agree(layer, 0, 'of layer 1, whose adapter has the scale 1');
}); // prettier-ignore

test('no adapter of its rank is nearer to the sum than cat resized', async () => {
  const ran = await run(adapterMergeGap, await written([FIRST, SECOND]), { lambda: LAMBDA });
  const errorOf = (method: string) => only(ran.table('methods'), { method })['error'];
  const best = errorOf('cat_resized');
  assert.ok(typeof best === 'number' && best > 0);
  for (const method of ['linear', 'ties', 'dare_linear', 'dare_ties', 'svd'])
    assert.ok(Number(errorOf(method)) > best, method);
});

test('dare at density 1 drops nothing, and the same seed draws the same', async () => {
  const opened = await written([FIRST, SECOND]);
  const whole = await run(adapterMergeGap, opened, { density: 1 });
  const error = (ran: typeof whole, method: string) => only(ran.table('methods'), { method })['error'];
  agree(error(whole, 'dare_linear'), error(whole, 'linear') as number, 'dare_linear');
  agree(error(whole, 'dare_ties'), error(whole, 'ties') as number, 'dare_ties');
  const [one, again, other] = [
    await run(adapterMergeGap, opened, { seed: 1 }),
    await run(adapterMergeGap, opened, { seed: 1 }),
    await run(adapterMergeGap, opened, { seed: 2 }),
  ];
  assert.equal(error(one, 'dare_linear'), error(again, 'dare_linear'));
  assert.notEqual(error(one, 'dare_linear'), error(other, 'dare_linear'));
});

test('what dare gives is on average what linear gives', async () => {
  const opened = await written([FIRST, SECOND]);
  const linear = only((await run(adapterMergeGap, opened)).table('methods'), { method: 'linear' });
  let inners = 0;
  const draws = 200;
  for (let seed = 0; seed < draws; seed++) {
    const row = only((await run(adapterMergeGap, opened, { seed })).table('methods'), { method: 'dare_linear' });
    inners += (Number(row['cosine']) * Number(row['norm_ratio'])) / draws;
  }
  const expected = Number(linear['cosine']) * Number(linear['norm_ratio']);
  assert.ok(Math.abs(inners - expected) < 0.25, `${String(inners)} is far from ${String(expected)}`);
}); // prettier-ignore

test('adapters of different ranks are refused by all but cat and svd, as PEFT does, and the advice says so', async () => {
  const folder = path.join(SAMPLES, 'charlm');
  const ran = await run(adapterMergeGap, await study(folder, null, ['lora/json-r8', 'lora/python-rslora-r16'])); // prettier-ignore
  const row = (method: string) => only(ran.table('methods'), { method });
  assert.deepEqual(['linear', 'ties', 'dare_linear', 'dare_ties'].map((each) => row(each)['error']), [null, null, null, null]); // prettier-ignore
  assert.deepEqual([row('cat')['error'], row('cat')['rank'], row('svd')['rank']], [0, 24, 16]);
  assert.ok(Number(row('svd')['norm_ratio']) > 2);
  const advice = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(advice?.kind === 'note');
  assert.match(advice.text, /PEFT refuses "linear"/);
  assert.match(advice.text, /counts the scale of each adapter twice/);
  assert.match(advice.text, /Use "cat": exact, at rank 24/);
});

test('adapters of one rank without a module in common are exact when factors are merged', async () => {
  const ran = await run(adapterMergeGap, await written([{ ...FIRST, modules: [K] }, { ...SECOND, modules: [V] }])); // prettier-ignore
  assert.equal(only(ran.table('methods'), { method: 'linear' })['error'], 0);
});

test('unrelated trained adapters lose most of the sum to cross terms', WITH_ZOO, async () => {
  const folder = path.join(ZOO, 'charlm');
  const ran = await run(adapterMergeGap, await study(folder, null, ['lora/json-r8', 'lora/kjv-r8']));
  const error = Number(only(ran.table('methods'), { method: 'linear' })['error']);
  assert.ok(error > 0.5 && error < 1.5, String(error));
});

test('a module with NaN is in no figure, and a finding names it', async () => {
  const folder = temporaryFolder();
  const factors = (module: string, value: number): Record<string, Written> => ({
    [`base_model.model.${module}.lora_A.weight`]: { shape: [1, 4], values: [value] },
    [`base_model.model.${module}.lora_B.weight`]: { shape: [4, 1], values: [1] },
  });
  for (const [name, value] of [['one', NaN], ['two', 1]] as const)
    writeAdapter(path.join(folder, name), { r: 1, lora_alpha: 1 }, { ...factors(Q, value), ...factors(V, 1) });
  const ran = await run(adapterMergeGap, await study(folder, null, ['one', 'two']));
  assert.deepEqual(ran.findings.map(({ code }) => code), ['matrix-not-finite']);
  assert.match(ran.findings[0]?.message ?? '', /one: the factors of .*q_proj/);
  assert.deepEqual(new Set(ran.table('tensors').map(({ tensor }) => tensor)), new Set([`${V}.weight`]));
}); // prettier-ignore

test('fewer than two adapters with factors are refused, with the reason', async () => {
  const opened = await study(path.join(SAMPLES, 'charlm'), 'base', ['json', 'lora/json-r8']);
  const output = await adapterMergeGap.run(opened, {}, {
    passes: { run: () => assert.fail('nothing is read') },
    signal: new AbortController().signal,
    memoryBudget: 2 ** 20,
    progress: () => undefined,
    log: () => undefined,
  }); // prettier-ignore
  assert.ok(!output.ok);
  assert.equal(output.problem.code, 'no-task-vector');
  assert.match(output.problem.message, /only json-r8 has factors/);
});
