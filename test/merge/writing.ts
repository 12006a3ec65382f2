// Runs what writes as the server does, and reads what came of it without anything of src that wrote it.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { openCheckpoint } from '../../src/format/registry';
import { readSpan } from '../../src/format/read';
import type { Checkpoint } from '../../src/format/checkpoint';
import type { MergeContext } from '../../src/merge/plan';
import type { Result } from '../../src/protocol/result';
import type { WriteAction, WriteReport } from '../../src/protocol/write';
import { openStudy } from '../../src/model/open-study';
import { answer } from '../../src/server/analysis/answer';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { OpenFiles } from '../../src/tensor/open-files';
import { reduceMatrix } from '../../src/tensor/kernels/matrix';
import type { PassOutcome, PassRunner } from '../../src/tensor/pass';
import { failure, success } from '../../src/protocol/result';
import { decode } from '../../src/tensor/decode';
import { slowPasses } from '../lens/slow-passes';

export const ZOO = path.resolve(__dirname, '../../../shared/zoo');
export const hasZoo = fs.existsSync(ZOO);

/** Matrices by the kernel of the workers, in this thread; everything else the slow way. */
const passes: PassRunner = {
  async run(items, options) {
    const files = new OpenFiles();
    const outcomes: PassOutcome[] = [];
    for (const item of items) {
      if (item.kind === 'matrix') {
        const outcome = reduceMatrix(item, files);
        if (!('kind' in outcome)) return failure(outcome);
        outcomes.push(outcome);
        continue;
      }
      const slow = await slowPasses().run([item], options);
      if (!slow.ok) return slow;
      outcomes.push(...slow.value);
    }
    files.close();
    return success(outcomes);
  },
};

export const MERGING: MergeContext = {
  read: readSpan,
  passes,
  signal: new AbortController().signal,
  memoryBudget: 2 ** 29,
  progress: () => undefined,
};

// For the whole process: many files of tests share it.
const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-merge-')));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** A new place to write to. */
export function newPlace(ending = ''): string {
  return path.join(folder, `out-${String(count++)}${ending}`);
}

/** Asks the server's handler. */
export function ask(action: WriteAction, output: string, dryRun = false): Promise<Result<WriteReport>> {
  return answer(
    'deltalens/write',
    { write: { action, output, dryRun }, job: 'test' },
    {
      ...MERGING,
      directories: new DirectoryCache(),
      results: new ResultCache(),
      contents: null,
      scanLimit: 0,
      askAbove: null,
      known: [],
      log: (message) => assert.fail(message),
      partial: null,
    },
  );
}

/** Writes, and opens what was written. */
export async function written(
  action: WriteAction,
  ending = '',
): Promise<{ readonly report: WriteReport; readonly checkpoint: Checkpoint; readonly output: string }> {
  const output = newPlace(ending);
  const result = await ask(action, output);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  const checkpoint = await opened(output);
  return { report: result.value, checkpoint, output };
}

export async function opened(file: string): Promise<Checkpoint> {
  const found = await openCheckpoint(file);
  assert.ok(found.ok, found.ok ? '' : found.problem.message);
  return found.value;
}

export async function bytesOf({ tensors }: Checkpoint, name: string): Promise<Uint8Array> {
  const entry = tensors.find((each) => each.name === name);
  assert.ok(entry, `no tensor ${name}`);
  const bytes = await readSpan(entry.span);
  assert.ok(bytes.ok);
  return bytes.value;
}

export async function valuesOf(checkpoint: Checkpoint, name: string): Promise<Float64Array> {
  const bytes = await bytesOf(checkpoint, name);
  const span = checkpoint.tensors.find((each) => each.name === name)?.span;
  return decode(span?.dtype ?? 'F32', bytes, span?.count ?? 0);
}

export function shapeOf({ tensors }: Checkpoint, name: string): readonly number[] {
  return tensors.find((each) => each.name === name)?.span.shape ?? [];
}

export function rowsOf(report: WriteReport, id: string): Record<string, unknown>[] {
  const table = report.tables.find((each) => each.id === id);
  assert.ok(table, `no table ${id}`);
  return table.rows.map((row) =>
    Object.fromEntries(table.columns.map(({ name }, index) => [name, row[index]])),
  );
}

/** scale · b · a, the slow way; b is rows × rank. */
export function product(scale: number, b: Float64Array, a: Float64Array, rank: number): Float64Array {
  const [rows, columns] = [b.length / rank, a.length / rank];
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (b[i * rank + k] ?? NaN) * (a[k * columns + j] ?? NaN);
      out[i * columns + j] = scale * sum;
    }
  return out;
}

/** ‖x − y‖ / ‖y‖ */
export function distance(x: Float64Array, y: Float64Array): number {
  assert.equal(x.length, y.length);
  let [difference, whole] = [0, 0];
  for (const [index, value] of y.entries()) {
    difference += ((x[index] ?? NaN) - value) ** 2;
    whole += value ** 2;
  }
  return Math.sqrt(difference / whole);
}

/** ΔW of every module of an adapter as it is read, by the base's or the adapter's own names. */
export async function deltasOf(adapter: string, base?: string): Promise<ReadonlyMap<string, Float64Array>> {
  const spec = { name: 's', ...(base === undefined ? {} : { base: path.resolve(base) }) };
  const study = await openStudy({ ...spec, tasks: [{ name: 'task', path: path.resolve(adapter) }] });
  assert.ok(study.ok, study.ok ? '' : study.problem.message);
  const found = new Map<string, Float64Array>();
  for (const [name, delta] of study.value.tasks[0]?.deltas ?? []) {
    if (delta.kind !== 'lowRank') continue;
    const loaded = await delta.load();
    assert.ok(loaded.ok);
    const { scale, b, a, rank } = loaded.value;
    found.set(name, product(scale, b, a, rank));
  }
  return found;
}
