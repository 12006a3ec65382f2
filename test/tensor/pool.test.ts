import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { bytesFor, decode } from '../../src/tensor/decode';
import type { DtypeName } from '../../src/tensor/dtype';
import type { GroupSums, Moments, PassItem, PassOutcome, PassRunner } from '../../src/tensor/pass';
import { createPassRunner } from '../../src/tensor/pool';
import type { TensorSpan } from '../../src/tensor/span';
import type { Result } from '../../src/protocol/result';
import { isClose, randomDelta, seeded, slowMoments, slowPair } from './oracle';

const ROOT = path.resolve(__dirname, '../..');
const WORKER = path.join(ROOT, 'dist/tensor-worker.js');
assert.ok(fs.existsSync(WORKER), 'these tests need the built worker: npm run build');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-pool-'));
const runners: { close(): Promise<void> }[] = [];
after(async () => {
  await Promise.all(runners.map((runner) => runner.close()));
  fs.rmSync(folder, { recursive: true });
});

function runnerOf(workers: number, workerFile = WORKER) {
  const runner = createPassRunner({ workerFile, workers });
  runners.push(runner);
  return runner;
}

const never = new AbortController().signal;

async function outcomes(runner: PassRunner, items: readonly PassItem[]): Promise<readonly PassOutcome[]> {
  const result = await runner.run(items, { signal: never });
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

/** A file of random bytes after `offset` others, and the span of the tensor in it. */
function tensorFile(name: string, dtype: DtypeName, count: number, seed: number, offset = 3): TensorSpan {
  const random = seeded(seed);
  const bytes = bytesFor(dtype, count);
  const all = new Uint8Array(offset + bytes + 5);
  for (let at = 0; at < all.length; at++) all[at] = Math.floor(random() * 256);
  const file = path.join(folder, name);
  fs.writeFileSync(file, all);
  return { path: file, offset, bytes, dtype, shape: [count], count };
}

function valuesOf(span: TensorSpan): ArrayLike<number> {
  const bytes = fs.readFileSync(span.path).subarray(span.offset, span.offset + span.bytes);
  return decode(span.dtype, bytes, span.count);
}

/** A file of zeros that takes no space, and a bfloat16 tensor over all of it. */
function sparseFile(name: string, bytes: number): TensorSpan {
  const file = path.join(folder, name);
  fs.closeSync(fs.openSync(file, 'w'));
  fs.truncateSync(file, bytes);
  return { path: file, offset: 0, bytes, dtype: 'BF16', shape: [bytes / 2], count: bytes / 2 };
}

function problemOf(result: Result<unknown>) {
  assert.ok(!result.ok);
  return result.problem;
}

test('tensors of every size and width come out as computed by hand, at unaligned offsets', async () => {
  const spans = [
    tensorFile('a', 'I8', 1_200_001, 1),
    tensorFile('b', 'F4', 2_200_003, 2, 1),
    tensorFile('c', 'F6_E3M2', 1_500_005, 3, 7),
    tensorFile('d', 'U16', 700_001, 4, 5),
    tensorFile('e', 'BOOL', 1, 5),
    tensorFile('f', 'F32', 0, 6),
    tensorFile('g', 'F16', 600_011, 7),
  ];
  const found = await outcomes(
    runnerOf(2),
    spans.map((span) => ({ kind: 'moments', span })),
  );
  for (const [index, span] of spans.entries()) {
    const actual = found[index] as Moments;
    const expected = slowMoments(valuesOf(span));
    assert.equal(actual.count, span.count);
    assert.deepEqual(actual.nonFinite, expected.nonFinite);
    assert.deepEqual(
      [actual.zeros, actual.nan, actual.inf, actual.min, actual.max],
      [expected.zeros, expected.nan, expected.inf, expected.min, expected.max],
    );
    assert.ok(isClose(actual.m2, expected.m2, 1e-12));
    assert.ok(isClose(actual.l1, expected.l1, 1e-12));
  }
});

test('a group of fine-tunes of other types than the base, and an adapter, comes out as computed by hand', async () => {
  const [rows, columns] = [500, 771];
  const base = tensorFile('base', 'F8_E4M3', rows * columns, 11);
  const fineTune = tensorFile('fine-tune', 'I16', rows * columns, 12);
  const delta = randomDelta(rows, columns, 4, seeded(13));
  const tasks = [
    { kind: 'dense', span: fineTune },
    { kind: 'lowRank', delta },
  ] as const;
  const [sums] = await outcomes(runnerOf(2), [{ kind: 'group', base, tasks, elementwise: false }]);
  const group = sums as GroupSums;
  const expected = slowPair(valuesOf(base), valuesOf(fineTune));
  assert.equal(group.tasks[0]?.skipped, expected.skipped);
  assert.equal(group.tasks[0]?.signFlips, expected.signFlips);
  assert.ok(isClose(group.tasks[0]?.deltaSquares ?? NaN, expected.deltaSquares, 1e-12));
  assert.equal(group.tasks[1]?.skipped, null);
  assert.equal(group.gram[1], group.gram[2]);
});

/** A file of random weights, finite and of either sign, after an odd number of other bytes. */
function weightsFile(name: string, dtype: 'BF16' | 'F16' | 'F32', count: number, seed: number): TensorSpan {
  const span = tensorFile(name, dtype, count, seed);
  const all = fs.readFileSync(span.path);
  // The second-highest bit of the exponent off: no exponent is all ones.
  const width = span.bytes / count;
  for (let at = span.offset + width - 1; at < span.offset + span.bytes; at += width) {
    all[at] = (all[at] as number) & 0xdf;
  }
  fs.writeFileSync(span.path, all);
  return span;
}

for (const dtype of ['BF16', 'F16', 'F32'] as const) {
  test(`${dtype} fine-tunes at odd offsets come out as computed by hand, for one worker and for three`, async () => {
    const spans = [1, 2, 3, 4].map((k) => weightsFile(`${dtype}-${k}`, dtype, 800_003, 24 + k));
    const [base, ...tasks] = spans as [TensorSpan, ...TensorSpan[]];
    const items: PassItem[] = [
      { kind: 'group', base, tasks: [{ kind: 'dense', span: tasks[0] as TensorSpan }], elementwise: false },
      { kind: 'group', base, tasks: tasks.map((span) => ({ kind: 'dense', span })), elementwise: false },
      { kind: 'moments', span: base },
    ];
    const found = await outcomes(runnerOf(1), items);
    assert.deepEqual(await outcomes(runnerOf(3), items), found);
    const [pair, group, spread] = found as [GroupSums, GroupSums, Moments];
    const numbers = spans.map(valuesOf);
    for (const [t, task] of [pair.tasks[0], ...group.tasks].entries()) {
      const expected = slowPair(numbers[0] ?? [], numbers[Math.max(1, t)] ?? []);
      assert.deepEqual(
        [task?.deltaAbsMax, task?.identical, task?.signFlips, task?.skipped],
        [expected.deltaAbsMax, expected.identical, expected.signFlips, 0],
      );
      // Sums of float32 over short runs (src/tensor/wasm/assembly/short-runs.ts).
      assert.ok(isClose(task?.deltaSquares ?? NaN, expected.deltaSquares, 1e-6));
      assert.ok(isClose(task?.taskSquares ?? NaN, expected.taskSquares, 1e-6));
      assert.ok(isClose(task?.dot ?? NaN, expected.dot, 1e-6, expected.taskSquares));
    }
    const expected = slowMoments(numbers[0] ?? []);
    assert.deepEqual([spread.min, spread.max, spread.zeros], [expected.min, expected.max, expected.zeros]);
    assert.ok(isClose(spread.m2, expected.m2, 1e-12));
  });
}

test('results are the same to the last bit for one, two and three workers', async () => {
  const base = tensorFile('same-base', 'F16', 1_700_003, 21);
  const task = tensorFile('same-task', 'BF16', 1_700_003, 22);
  const items: PassItem[] = [
    { kind: 'moments', span: base },
    { kind: 'group', base, tasks: [{ kind: 'dense', span: task }], elementwise: false },
    { kind: 'deltaMoments', base, task: { kind: 'dense', span: task } },
  ];
  const one = await outcomes(runnerOf(1), items);
  assert.deepEqual(await outcomes(runnerOf(2), items), one);
  assert.deepEqual(await outcomes(runnerOf(3), items), one);
});

test('passes that run at the same time do not mix', async () => {
  const runner = runnerOf(2);
  const spans = [31, 32, 33, 34].map((seed) => tensorFile(`mix-${seed}`, 'I8', 1_100_000 + seed, seed));
  const together = await Promise.all(spans.map((span) => outcomes(runner, [{ kind: 'moments', span }])));
  for (const [index, span] of spans.entries()) {
    const values = valuesOf(span);
    const actual = together[index]?.[0] as Moments;
    assert.equal(actual.count, span.count);
    assert.equal(actual.l1, slowMoments(values).l1);
  }
});

test('a small pass is done while a large one is still running', async () => {
  const runner = runnerOf(1);
  const abort = new AbortController();
  let largeEnded = false;
  const large = runner
    .run([{ kind: 'moments', span: sparseFile('large', 2 ** 36) }], { signal: abort.signal })
    .finally(() => (largeEnded = true));
  const small = tensorFile('small', 'I8', 1000, 41);
  const [found] = await outcomes(runner, [{ kind: 'moments', span: small }]);
  assert.equal((found as Moments).count, 1000);
  assert.equal(largeEnded, false);
  abort.abort();
  assert.equal(problemOf(await large).code, 'cancelled');
});

test('a cancelled pass ends although gigabytes are left, and the runner goes on working', async () => {
  const runner = runnerOf(2);
  const abort = new AbortController();
  const pass = runner.run([{ kind: 'moments', span: sparseFile('endless', 2 ** 36) }], {
    signal: abort.signal,
    onBytes: () => abort.abort(),
  });
  assert.equal(problemOf(await pass).code, 'cancelled');
  const [found] = await outcomes(runner, [{ kind: 'moments', span: tensorFile('next', 'U8', 10, 51) }]);
  assert.equal((found as Moments).count, 10);
});

test('a pass whose signal was aborted before it began is cancelled at once', async () => {
  const abort = new AbortController();
  abort.abort();
  const result = await runnerOf(1, '/no/such/worker.js').run([], { signal: abort.signal });
  assert.equal(problemOf(result).code, 'cancelled');
});

test('a file that has become shorter is reported as changed, with its path', async () => {
  const span = tensorFile('shrinks', 'I8', 1_200_000, 61);
  fs.truncateSync(span.path, 1_199_999);
  const problem = problemOf(await runnerOf(2).run([{ kind: 'moments', span }], { signal: never }));
  assert.equal(problem.code, 'file-changed');
  assert.equal(problem.path, span.path);
});

test('a file that is gone is reported as missing', async () => {
  const span = { ...tensorFile('gone', 'I8', 10, 62), path: path.join(folder, 'never-written') };
  const problem = problemOf(await runnerOf(1).run([{ kind: 'moments', span }], { signal: never }));
  assert.equal(problem.code, 'file-missing');
});

test('complex tensors, wrong sizes and unequal shapes are refused before anything is read', async () => {
  const runner = runnerOf(1, '/no/such/worker.js');
  const span = tensorFile('checked', 'F32', 6, 63);
  const refused = async (item: PassItem) => problemOf(await runner.run([item], { signal: never })).code;
  const complex: TensorSpan = { ...span, dtype: 'C64', count: 3, shape: [3] };
  assert.equal(await refused({ kind: 'moments', span: complex }), 'dtype-not-real');
  assert.equal(await refused({ kind: 'moments', span: { ...span, bytes: 20 } }), 'tensor-size-mismatch');
  const other = tensorFile('checked-other', 'F32', 7, 64);
  const dense = { kind: 'dense', span: other } as const;
  assert.equal(
    await refused({ kind: 'group', base: span, tasks: [dense], elementwise: false }),
    'shape-mismatch',
  );
  const delta = randomDelta(2, 4, 1, seeded(65));
  const adapter = { kind: 'lowRank', delta } as const;
  assert.equal(await refused({ kind: 'deltaMoments', base: span, task: adapter }), 'shape-mismatch');
});

test('progress grows to the number of bytes of all spans', async () => {
  const base = tensorFile('progress-base', 'BF16', 2_000_000, 71);
  const task = tensorFile('progress-task', 'F32', 2_000_000, 72);
  const told: [number, number][] = [];
  const items: PassItem[] = [
    { kind: 'group', base, tasks: [{ kind: 'dense', span: task }], elementwise: false },
  ];
  await runnerOf(2).run(items, { signal: never, onBytes: (done, total) => told.push([done, total]) });
  const total = base.bytes + task.bytes;
  assert.deepEqual(told.at(-1), [total, total]);
  told.reduce((before, [done]) => {
    assert.ok(done >= before);
    return done;
  }, 0);
});

test('memory stays bounded while a file of one gigabyte streams through', async () => {
  const before = process.memoryUsage().rss;
  const base = sparseFile('huge', 2 ** 30);
  const task = { kind: 'dense', span: base } as const;
  let highest = 0;
  const result = await runnerOf(2).run([{ kind: 'group', base, tasks: [task], elementwise: false }], {
    signal: never,
    onBytes: () => (highest = Math.max(highest, process.memoryUsage().rss)),
  });
  assert.ok(result.ok);
  assert.equal((result.value[0] as GroupSums).tasks[0]?.identical, base.count);
  assert.ok(highest - before < 300 * 2 ** 20, `${(highest - before) / 2 ** 20} MiB more than before`);
});

test('a worker that dies fails its pass with the reason, and the next pass has a new worker', async () => {
  const flag = path.join(folder, 'die');
  const fragile = path.join(folder, 'fragile.cjs');
  fs.writeFileSync(
    fragile,
    `const { parentPort } = require('node:worker_threads');
     if (require('node:fs').existsSync(${JSON.stringify(flag)})) {
       parentPort.on('message', () => { throw new Error('no more memory'); });
     } else require(${JSON.stringify(WORKER)});`,
  );
  const runner = runnerOf(1, fragile);
  const span = tensorFile('fragile', 'U8', 10, 81);
  fs.writeFileSync(flag, '');
  const problem = problemOf(await runner.run([{ kind: 'moments', span }], { signal: never }));
  assert.equal(problem.code, 'worker-crashed');
  assert.match(problem.message, /no more memory/);
  fs.rmSync(flag);
  assert.equal((await outcomes(runner, [{ kind: 'moments', span }])).length, 1);
});

test('an idle runner does not keep the process alive', () => {
  const script = path.join(folder, 'idle.mts');
  const span = tensorFile('idle', 'U8', 10, 91);
  fs.writeFileSync(
    script,
    `import { createPassRunner } from ${JSON.stringify(path.join(ROOT, 'src/tensor/pool'))};
     const runner = createPassRunner({ workerFile: ${JSON.stringify(WORKER)}, workers: 2 });
     const items = [{ kind: 'moments', span: ${JSON.stringify(span)} }];
     const result = await runner.run(items as never, { signal: new AbortController().signal });
     console.log(result.ok);`,
  );
  const node = ['--import', 'tsx', script];
  const printed = execFileSync(process.execPath, node, { cwd: ROOT, timeout: 60_000, encoding: 'utf8' });
  assert.equal(printed.trim(), 'true');
});

test('a closed runner cancels what it had and takes nothing new', async () => {
  const runner = runnerOf(1);
  const span = sparseFile('closing', 2 ** 36);
  const pass = runner.run([{ kind: 'moments', span }], { signal: never });
  await runner.close();
  assert.equal(problemOf(await pass).code, 'cancelled');
  const later = await runner.run([{ kind: 'moments', span }], { signal: never });
  assert.equal(problemOf(later).code, 'cancelled');
});

test('random passes over the pool equal one after the other', async () => {
  const runner = runnerOf(2);
  const spans = [101, 102, 103].map((seed) => tensorFile(`random-${seed}`, 'I16', 4096, seed));
  const numbers = spans.map(valuesOf);
  const pick = fc.nat(2);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(pick, pick), { minLength: 1, maxLength: 12 }), async (pairs) => {
      const items = pairs.map(([x, y]): PassItem => {
        const task = { kind: 'dense', span: spans[y] as TensorSpan } as const;
        return { kind: 'group', base: spans[x] as TensorSpan, tasks: [task], elementwise: false };
      });
      const found = await outcomes(runner, items);
      pairs.forEach(([x, y], index) => {
        const { deltaSquares, signFlips } = slowPair(numbers[x] ?? [], numbers[y] ?? []);
        const sums = (found[index] as GroupSums).tasks[0];
        assert.deepEqual([sums?.deltaSquares, sums?.signFlips], [deltaSquares, signFlips]);
      });
    }),
    { numRuns: 20 },
  );
});
