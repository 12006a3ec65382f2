import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { experts } from '../../src/lens/experts';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { agree, only, readJson, run, study, WITH_ZOO, ZOO, type Ran, type Row } from './run';

const INNER = 4;
const HIDDEN = 3;

/** Numbers that look random, the same in every run. */
function noise(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}

const AT = 'model.layers.0.block_sparse_moe';

/** An expert in Mixtral's names: gate and up inner × hidden, down hidden × inner. */
function expert(number: number, gate: readonly number[], up: readonly number[], down: readonly number[]) {
  return {
    [`${AT}.experts.${number}.w1.weight`]: { shape: [INNER, HIDDEN], values: gate },
    [`${AT}.experts.${number}.w3.weight`]: { shape: [INNER, HIDDEN], values: up },
    [`${AT}.experts.${number}.w2.weight`]: { shape: [HIDDEN, INNER], values: down },
  };
}

function rowsInOrder(values: readonly number[], order: readonly number[], width: number): number[] {
  return order.flatMap((row) => values.slice(row * width, (row + 1) * width));
}

function columnsInOrder(values: readonly number[], order: readonly number[], width: number): number[] {
  return values.map((_, at) => values[at - (at % width) + (order[at % width] as number)] as number);
}

async function layerStudy(base: Readonly<Record<string, Written>>, task?: Readonly<Record<string, Written>>) {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), base);
  if (task) writeSafetensors(path.join(folder, 'task/model.safetensors'), task);
  return study(folder, 'base', task ? ['task'] : []);
}

const GATE = noise(INNER * HIDDEN, 1);
const UP = noise(INNER * HIDDEN, 2);
const DOWN = noise(INNER * HIDDEN, 3);
const ORDER = [2, 0, 3, 1];
const PERMUTED = expert(
  1,
  rowsInOrder(GATE, ORDER, HIDDEN),
  rowsInOrder(UP, ORDER, HIDDEN),
  columnsInOrder(DOWN, ORDER, INNER),
);
const OTHER = expert(2, noise(12, 4), noise(12, 5), noise(12, 6));
const ROUTER = { [`${AT}.gate.weight`]: { shape: [3, HIDDEN], values: [1, 0, 0, 1, 1, 0, 0, 0, 0] } };
const BASE: Readonly<Record<string, Written>> = {
  ...expert(0, GATE, UP, DOWN),
  ...PERMUTED,
  ...OTHER,
  ...ROUTER,
};

test('an expert whose hidden units stand in another order is found to be the same', async () => {
  const ran = await run(experts, await layerStudy(BASE));
  const pair = only(ran.table('pairs'), { a: 'expert 0', b: 'expert 1' });
  agree(pair['matched_cos'], 1, 'matched cosine');
  assert.ok(Number(pair['cos']) < 0.9);
  assert.match(
    advice(ran),
    /merge what does nearly the same.*: layer 0: expert 0 and expert 1 \(cosine 1\)\./,
  );
});

/** The text of what is recommended beside the removal of dead experts. */
function advice({ artifacts }: Ran): string {
  const note = artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  return note.text;
}

test('matching never lowers a cosine', async () => {
  const ran = await run(experts, await layerStudy(BASE));
  const rows = ran.table('pairs');
  assert.equal(rows.length, 3);
  for (const row of rows) assert.ok(Number(row['matched_cos']) >= Number(row['cos']) - 1e-12);
});

test('a router row of nothing marks an expert as dead, and its cosines are undefined', async () => {
  const ran = await run(experts, await layerStudy(BASE));
  const row = only(ran.table('experts'), { model: 'base', expert: 'expert 2' });
  assert.deepEqual([row['dead'], row['router_norm'], row['nearest_router_cos']], ['router row near 0', 0, null]);
  agree(only(ran.table('pairs'), { a: 'expert 0', b: 'expert 1' })['router_cos'], Math.SQRT1_2, 'router cosine');
  // The rows (1,0,0), (1,1,0), 0 have the Gram matrix ((1,1),(1,2)) with eigenvalues (3 ± √5)/2.
  const stable = 3 / ((3 + Math.sqrt(5)) / 2);
  agree(ran.table('layers')[0]?.['router_stable_rank'], stable, 'stable rank of the router');
}); // prettier-ignore

test('stacked experts give what experts one by one give', async () => {
  const order = [0, 1, 2].map((number) => [`w1`, 'w3', 'w2'].map((part) => BASE[`${AT}.experts.${number}.${part}.weight`] as Written));
  const stacked = {
    [`${AT}.input_linear.weight`]: {
      shape: [3, 2 * INNER, HIDDEN],
      values: order.flatMap(([gate, up]) => [...(gate?.values ?? []), ...(up?.values ?? [])]),
    },
    [`${AT}.output_linear.weight`]: { shape: [3, HIDDEN, INNER], values: order.flatMap(([, , down]) => down?.values ?? []) },
    [`${AT}.router.layer.weight`]: ROUTER[`${AT}.gate.weight`] as Written,
  };
  const [one, other] = await Promise.all([run(experts, await layerStudy(BASE)), run(experts, await layerStudy(stacked))]);
  for (const table of ['pairs', 'experts']) {
    const rows = other.table(table);
    one.table(table).forEach((row, index) => {
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === 'number') agree(rows[index]?.[name], value, name);
        else assert.equal(rows[index]?.[name], value);
      }
    });
  }
}); // prettier-ignore

test('says how far every expert moved from the base', async () => {
  const doubled = OTHER[`${AT}.experts.2.w1.weight`] as Written;
  const task = { ...BASE, [`${AT}.experts.2.w1.weight`]: { ...doubled, values: (doubled.values ?? []).map((value) => 2 * value) } };
  const ran = await run(experts, await layerStudy(BASE, task));
  const change = (expertName: string) => only(ran.table('experts'), { model: 'task', expert: expertName })['change'];
  assert.equal(change('expert 0'), 0);
  const squares = (part: string) => ((BASE[`${AT}.experts.2.${part}.weight`] as Written).values ?? []).reduce((sum, value) => sum + value * value, 0);
  agree(change('expert 2'), Math.sqrt(squares('w1') / (squares('w1') + squares('w2') + squares('w3'))), 'change');
  assert.equal(only(ran.table('experts'), { model: 'base', expert: 'expert 2' })['change'], null);
}); // prettier-ignore

test('shared experts are compared by the space into which they write', async () => {
  const shared = {
    [`${AT}.shared_experts.w1.weight`]: { shape: [2 * INNER, HIDDEN], values: noise(24, 7) },
    [`${AT}.shared_experts.w3.weight`]: { shape: [2 * INNER, HIDDEN], values: noise(24, 8) },
    [`${AT}.shared_experts.w2.weight`]: { shape: [HIDDEN, 2 * INNER], values: [...DOWN, ...DOWN].map((_, at) => DOWN[Math.floor(at / 8) * INNER + (at % INNER)] as number) },
  };
  const ran = await run(experts, await layerStudy({ ...BASE, ...shared }), { overlap_rank: 2 });
  // The shared expert writes what expert 0 writes, twice; expert 1 writes the same space.
  agree(only(ran.table('shared'), { expert: 'expert 0' })['overlap'], 1, 'overlap');
  agree(only(ran.table('shared'), { expert: 'expert 1' })['overlap'], 1, 'overlap');
  assert.ok(Number(only(ran.table('shared'), { expert: 'expert 2' })['overlap']) < 1);
  assert.equal(ran.table('shared')[0]?.['chance'], 2 / 3);
}); // prettier-ignore

test('an expert with NaN is named, the others are compared', async () => {
  const broken = { shape: [INNER, HIDDEN], values: [NaN, ...noise(11, 9)] };
  const ran = await run(experts, await layerStudy({ ...BASE, [`${AT}.experts.2.w3.weight`]: broken }));
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite'],
  );
  const cos = (a: string, b: string) => only(ran.table('pairs'), { a, b });
  assert.deepEqual(
    [cos('expert 0', 'expert 2')['cos'], cos('expert 0', 'expert 2')['matched_cos']],
    [null, null],
  );
  agree(cos('expert 0', 'expert 1')['matched_cos'], 1, 'matched cosine');
});

test('experts too large to match are said to be so, and a network without experts is refused', async () => {
  const ran = await run(experts, await layerStudy(BASE), { match_neurons: 3 });
  assert.equal(ran.table('pairs')[0]?.['matched_cos'], null);
  assert.ok(ran.artifacts.some(({ id }) => id === 'not-matched'));
  const dense = await layerStudy({ 'model.layers.0.mlp.up_proj.weight': { shape: [2, 2] } });
  const context = { passes: { run: () => assert.fail() }, signal: new AbortController().signal, memoryBudget: 1, progress: () => undefined, log: () => undefined };
  const refused = await experts.run(dense, {}, context);
  assert.ok(!refused.ok && refused.problem.code === 'experts-missing');
}); // prettier-ignore

interface Geometry {
  readonly expert_norm: readonly number[];
  readonly expert_cos: readonly (readonly number[])[];
  readonly router_norm: readonly number[];
  readonly router_cos: readonly (readonly number[])[];
  readonly router_ranks: Readonly<Record<string, number>>;
}

test('agrees with the reference of the toy mixture', WITH_ZOO, async () => {
  const { geometry } = readJson<{ geometry: Record<string, readonly Geometry[]> }>(
    ZOO,
    'reference/moe-toy/experts.json',
  );
  const ran = await run(experts, await study(path.join(ZOO, 'moe-toy'), 'base', ['arith']));
  const [all, pairs, layers] = [ran.table('experts'), ran.table('pairs'), ran.table('layers')];
  for (const [model, references] of Object.entries(geometry)) {
    references.forEach((reference, layer) => {
      const place: Row = { model, layer: `layer ${layer}` };
      for (const [a, norm] of reference.expert_norm.entries()) {
        const own = only(all, { ...place, expert: `expert ${a}` });
        agree(own['norm'], norm, `${model} ${layer} norm ${a}`);
        agree(own['router_norm'], reference.router_norm[a] ?? null, `${model} ${layer} router norm ${a}`);
        for (let b = a + 1; b < 8; b++) {
          const pair = only(pairs, { ...place, a: `expert ${a}`, b: `expert ${b}` });
          agree(pair['cos'], reference.expert_cos[a]?.[b] ?? null, `${model} ${layer} cos ${a} ${b}`);
          agree(
            pair['router_cos'],
            reference.router_cos[a]?.[b] ?? null,
            `${model} ${layer} router ${a} ${b}`,
          );
        }
      }
      const row = only(layers, place);
      for (const [name, value] of Object.entries(reference.router_ranks)) {
        agree(row[`router_${name}`], value, `${model} ${layer} ${name}`);
      }
    });
  }
});

test('recommends to keep experts that differ apart, and to store once those that a fine-tune left alone', async () => {
  const apart = { ...expert(0, GATE, UP, DOWN), ...OTHER, ...ROUTER };
  const doubled = OTHER[`${AT}.experts.2.w1.weight`] as Written;
  const task = { ...apart, [`${AT}.experts.2.w1.weight`]: { ...doubled, values: (doubled.values ?? []).map((value) => 2 * value) } };
  const text = advice(await run(experts, await layerStudy(apart, task)));
  assert.match(text, /base: keep the experts apart: even the two most alike \(layer 0: expert 0 and expert 2\)/);
  assert.match(text, /task: .*1 of 2 experts are the base’s: store them once/);
}); // prettier-ignore
