import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { memory } from '../../src/lens/memory';
import { openStudy } from '../../src/model/open-study';
import { matrix, written } from '../model/adapters/build';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { cell, only, run, study } from './run';

const PARTS = path.resolve(import.meta.dirname, '../fixtures/charlm-parts');
const close = (actual: unknown, expected: number, what = '') =>
  assert.ok(
    Math.abs(Number(actual) - expected) < 1e-9,
    `${what} ${String(actual)} against ${String(expected)}`,
  );
const cos = (x: readonly number[] = [], y: readonly number[] = []) => {
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? NaN), 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
};

async function opened(base: Readonly<Record<string, Written>>, task?: Readonly<Record<string, Written>>) {
  const folder = temporaryFolder();
  const file = writeSafetensors(path.join(folder, 'base.safetensors'), base);
  const other = task && writeSafetensors(path.join(folder, 'task.safetensors'), task);
  const found = await openStudy({
    name: 's',
    base: file,
    tasks: other === undefined ? [] : [{ name: 't', path: other }],
  });
  assert.ok(found.ok);
  return found.value;
}

const KEYS = matrix(2 * 2 * 3, 4, 1);
const VALUES = matrix(9, 5, 2).map((row, at) => row.map((value) => value + at + 1));

test('product keys of every layout are the same sets of sub-keys', async () => {
  const values = { 'm.values.weight': written(VALUES) };
  const nested = await run(memory, await opened({ 'm.keys': written(KEYS, [2, 2, 3, 4]), ...values }));
  const flat = await run(memory, await opened({ 'm.keys': written(KEYS), ...values }));
  const matrixOf = (ran: typeof nested) => ran.matrix('keys:base: m:head 1, half 2');
  // Head 1, half 2 begins after three sets of three keys.
  close(cell(matrixOf(nested), '0', '2'), cos(KEYS[9], KEYS[11]));
  assert.deepEqual(matrixOf(flat).values, matrixOf(nested).values);
  // PEER keeps both halves of a key beside each other.
  const peer = await run(
    memory,
    await opened({
      keys: written(KEYS, [2, 3, 2, 4]),
      'weight_down_embed.weight': written(VALUES),
      'weight_up_embed.weight': written(VALUES),
    }),
  );
  close(cell(peer.matrix('keys:base:head 1, half 2'), '0', '2'), cos(KEYS[7], KEYS[11]));
  assert.deepEqual(
    peer.table('slots').map(({ table }) => table),
    ['inputs of experts', 'outputs of experts'],
  );
});

test('slots that changed are found, with their two sub-keys', async () => {
  const changed = VALUES.map((row, at) =>
    at === 5 ? row.map((value) => value + 1) : at === 7 ? row.map((value) => value + 3) : row,
  );
  const keys = { 'm.keys': written(KEYS, [2, 2, 3, 4]) };
  const ran = await run(
    memory,
    await opened(
      { ...keys, 'm.values.weight': written(VALUES) },
      { ...keys, 'm.values.weight': written(changed) },
    ),
  );
  const row = only(ran.table('slots'), { model: 't' });
  close(row['changed'], 2 / 9);
  assert.equal(row['half_energy'], 1);
  assert.deepEqual(
    ran.table('moved').map(({ slot, first_key, second_key }) => [slot, first_key, second_key]),
    [
      [7, 2, 1],
      [5, 1, 2],
    ],
  );
  close(ran.table('moved')[0]?.['moved'], Math.sqrt(5 * 9));
  assert.equal(only(ran.table('slots'), { model: 'base' })['changed'], null);
});

test('dead and doubled keys are counted', async () => {
  const keys = [
    [1, 2],
    [2, 4],
    [0, 0],
    [3, -1],
    [1, 1],
    [2, 0],
  ];
  const ran = await run(
    memory,
    await opened({ keys: written(keys, [1, 2, 3, 2]), 'values.weight': written(VALUES) }),
  );
  const [first, second] = ran.table('keys');
  assert.deepEqual([first?.['dead'], first?.['same']], [1, 1]);
  assert.deepEqual([second?.['dead'], second?.['same']], [0, 0]);
});

test('the perplexity of a codebook is that of its stored counts', async () => {
  const ran = await run(
    memory,
    await opened({
      'vq._codebook.embed': written(matrix(4, 3, 1), [1, 4, 3]),
      'vq._codebook.cluster_size': { shape: [1, 4], values: [2, 2, 0, 0] },
    }),
  );
  close(ran.table('keys')[0]?.['perplexity'], 2);
});

test('a memory that was really trained on one more task has written into a part of its slots', async () => {
  const ran = await run(memory, await study(PARTS, 'memory/base', ['memory/arith']));
  const row = only(ran.table('slots'), { model: 'arith' });
  assert.equal(row['slots'], 256);
  assert.ok(Number(row['half_energy']) < 128);
  assert.equal(ran.table('keys').length, 2 * 4);
});

test('values with NaN have no length, with a finding, and a network without a memory is refused', async () => {
  const values = VALUES.map((row, at) => (at === 0 ? row.map(() => NaN) : row));
  const ran = await run(
    memory,
    await opened({ keys: written(KEYS, [2, 2, 3, 4]), 'values.weight': written(values) }),
  );
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  assert.equal(cell(ran.matrix('slots:base:values'), '0', '0'), null);
  await assert.rejects(
    run(memory, await opened({ 'l.weight': written(matrix(2, 2, 1)) })),
    /no memory layer/,
  );
});
