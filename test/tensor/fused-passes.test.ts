import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { planPass } from '../../src/tensor/chunks';
import { bytesFor } from '../../src/tensor/decode';
import { fusePasses } from '../../src/tensor/fused-passes';
import type { GroupTask, PassItem, PassOutcome, PassRunner } from '../../src/tensor/pass';
import { createPassRunner } from '../../src/tensor/pool';
import type { TensorSpan } from '../../src/tensor/span';
import { randomDelta, seeded } from './oracle';

const WORKER = path.resolve(__dirname, '../../dist/tensor-worker.js');
assert.ok(fs.existsSync(WORKER), 'these tests need the built worker: npm run build');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-fused-'));
const pool = createPassRunner({ workerFile: WORKER, workers: 2 });
after(async () => {
  await pool.close();
  fs.rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;

/** A runner that notes the bytes that every run reads. */
function counting(): { readonly runner: PassRunner; readonly runs: number[] } {
  const runs: number[] = [];
  const runner: PassRunner = {
    run: (items, options) => {
      runs.push(planPass(items).bytes);
      return pool.run(items, options);
    },
  };
  return { runner, runs };
}

/** A BF16 tensor of random bit patterns, infinities and NaN among them. */
function tensorFile(name: string, count: number, seed: number): TensorSpan {
  const random = seeded(seed);
  const bytes = bytesFor('BF16', count);
  const file = path.join(folder, name);
  fs.writeFileSync(
    file,
    Uint8Array.from({ length: bytes + 3 }, () => Math.floor(random() * 256)),
  );
  return { path: file, offset: 3, bytes, dtype: 'BF16', shape: [count], count };
}

const COUNT = 700_000;
const [base, one, two] = ['base', 'one', 'two'].map((name, seed) => tensorFile(name, COUNT, seed)) as [
  TensorSpan,
  TensorSpan,
  TensorSpan,
];
const dense = (span: TensorSpan): GroupTask => ({ kind: 'dense', span });
const group = (...tasks: TensorSpan[]): PassItem => ({
  kind: 'group',
  base,
  tasks: tasks.map(dense),
  elementwise: false,
});

async function outcomesOf(
  runner: PassRunner,
  items: readonly PassItem[],
  signal = never,
): Promise<readonly PassOutcome[]> {
  const result = await runner.run(items, { signal });
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

const EVERYTHING: readonly PassItem[] = [
  group(one, two),
  { kind: 'moments', span: two },
  { kind: 'deltaMoments', base, task: dense(one) },
  group(one, two),
  { kind: 'signs', base, tasks: [dense(one), dense(two)], epsilon: 0.5 },
  {
    kind: 'matrix',
    source: { rows: 1, columns: 100, terms: [{ kind: 'tensor', weight: 1, span: one }] },
    operation: { kind: 'values' },
  },
  { kind: 'deltaMoments', base, task: { kind: 'lowRank', delta: randomDelta(700, 1000, 2, seeded(5)) } },
  { kind: 'histogram', span: base, edges: Float64Array.from([-1, 0, 1]) },
];

test('items of one call that read the same bytes have the outcomes that they have by themselves, to the last bit', async () => {
  const alone = await Promise.all(EVERYTHING.map(async (item) => (await outcomesOf(pool, [item]))[0]));
  const { runner, runs } = counting();
  assert.deepEqual(await outcomesOf(fusePasses(runner), EVERYTHING), alone);
  // The three tensors once, and the matrix.
  assert.deepEqual(runs, [3 * base.bytes + 200]);
});

test('calls that come together read every byte once, and get their own outcomes', async () => {
  const calls = [
    [group(one, two)],
    [{ kind: 'moments', span: base } as const, group(one)],
    [group(one, two)],
  ];
  const alone = await Promise.all(calls.map((items) => outcomesOf(pool, items)));
  const { runner, runs } = counting();
  const fused = fusePasses(runner);
  assert.deepEqual(await Promise.all(calls.map((items) => outcomesOf(fused, items))), alone);
  assert.equal(
    runs.reduce((sum, bytes) => sum + bytes, 0),
    3 * base.bytes,
  );
});

test('tensors that only one of two calls asks for are read for it alone', async () => {
  const other = tensorFile('other', COUNT, 9);
  const { runner, runs } = counting();
  const fused = fusePasses(runner);
  const alone: PassItem = { kind: 'moments', span: other };
  const calls = [[group(one)], [group(one), alone]];
  await Promise.all(calls.map((items) => outcomesOf(fused, items)));
  assert.deepEqual(
    runs.sort((x, y) => x - y),
    [base.bytes, 2 * base.bytes],
  );
});

test('cancelling one of two calls ends it and not the other', async () => {
  const expected = await outcomesOf(pool, [group(one, two)]);
  const fused = fusePasses(pool);
  const abort = new AbortController();
  const items = [group(one, two), { kind: 'moments', span: one } as const];
  const first = fused.run(items, { signal: abort.signal, onBytes: () => abort.abort() });
  const second = outcomesOf(fused, [group(one, two)]);
  const result = await first;
  assert.ok(!result.ok && result.problem.code === 'cancelled');
  assert.deepEqual(await second, expected);
});

test('a call that is cancelled before it began reads nothing', async () => {
  const { runner, runs } = counting();
  const abort = new AbortController();
  const call = fusePasses(runner).run([group(one)], { signal: abort.signal });
  abort.abort();
  const result = await call;
  assert.ok(!result.ok && result.problem.code === 'cancelled');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(runs, []);
});

test('both calls cancelled stop what they share', async () => {
  const huge = path.join(folder, 'huge');
  fs.closeSync(fs.openSync(huge, 'w'));
  fs.truncateSync(huge, 2 ** 36);
  const span: TensorSpan = {
    ...base,
    path: huge,
    offset: 0,
    bytes: 2 ** 36,
    shape: [2 ** 35],
    count: 2 ** 35,
  };
  const fused = fusePasses(pool);
  const aborts = [new AbortController(), new AbortController()];
  const calls = aborts.map((abort) =>
    fused.run([{ kind: 'moments', span }], { signal: abort.signal, onBytes: () => abort.abort() }),
  );
  for (const result of await Promise.all(calls)) assert.ok(!result.ok && result.problem.code === 'cancelled');
  assert.equal((await outcomesOf(fused, [{ kind: 'moments', span: one }])).length, 1);
});

test('a file that fails one call does not fail another that reads some of the same', async () => {
  const shrunk = tensorFile('shrunk', COUNT, 10);
  fs.truncateSync(shrunk.path, 1000);
  const expected = await outcomesOf(pool, [{ kind: 'moments', span: base }]);
  const fused = fusePasses(pool);
  const [failed, fine] = await Promise.all([
    fused.run([group(shrunk)], { signal: never }),
    outcomesOf(fused, [{ kind: 'moments', span: base }]),
  ]);
  assert.ok(!failed.ok && failed.problem.code === 'file-changed' && failed.problem.path === shrunk.path);
  assert.deepEqual(fine, expected);
});

test('progress of each call grows to the bytes that it asked for', async () => {
  const fused = fusePasses(pool);
  const told: number[][] = [[], []];
  const calls = [[group(one, two)], [group(one)]];
  await Promise.all(
    calls.map((items, call) =>
      fused.run(items, {
        signal: never,
        onBytes: (done, total) => {
          told[call]?.push(done);
          assert.equal(total, (3 - call) * base.bytes);
        },
      }),
    ),
  );
  told.forEach((done, call) => {
    assert.equal(done.at(-1), (3 - call) * base.bytes);
    assert.deepEqual(
      done,
      [...done].sort((x, y) => x - y),
    );
  });
});
