// Small bases and adapters with known numbers, and what a study makes of them.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { readSpan } from '../../../src/format/read';
import { openStudy } from '../../../src/model/open-study';
import type { Study } from '../../../src/model/study';
import type { TensorDelta } from '../../../src/model/task-vector';
import { decode } from '../../../src/tensor/decode';
import type { TensorSpan } from '../../../src/tensor/span';
import { temporaryFolder, writeSafetensors, type Written } from '../write-safetensors';

/** A matrix of numbers, exact in float32, that differ from entry to entry. */
export function matrix(rows: number, columns: number, seed: number): number[][] {
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => (((i * 7 + j * 3 + seed * 5) % 11) - 5) / 8),
  );
}

/** A written tensor of a matrix, under another shape where given. */
export function written(rows: readonly (readonly number[])[], shape?: readonly number[]): Written {
  return { shape: shape ?? [rows.length, rows[0]?.length ?? 0], values: rows.flat() };
}

/** The textbook product. */
export function times(x: readonly (readonly number[])[], y: readonly (readonly number[])[]): number[][] {
  return x.map((row) =>
    (y[0] ?? []).map((_, j) => row.reduce((sum, value, k) => sum + value * (y[k]?.[j] ?? NaN), 0)),
  );
}

export function turned(x: readonly (readonly number[])[]): number[][] {
  return (x[0] ?? []).map((_, j) => x.map((row) => row[j] ?? NaN));
}

export interface Case {
  readonly base: Readonly<Record<string, Written>>;
  readonly adapter: Readonly<Record<string, Written>>;
  /** The `adapter_config.json` beside it, where there is one. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Opens a study of a base and one adapter that is a lone file, or a file beside a configuration. */
export async function studyOf({ base, adapter, config, metadata }: Case): Promise<Study> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'lora', config ? 'adapter_model.safetensors' : 'style.safetensors');
  const basePath = writeSafetensors(path.join(folder, 'base', 'model.safetensors'), base);
  writeSafetensors(file, adapter, metadata);
  if (config) fs.writeFileSync(path.join(folder, 'lora', 'adapter_config.json'), JSON.stringify(config));
  return studyOfFiles(basePath, file);
}

export async function studyOfFiles(base: string, adapter: string): Promise<Study> {
  const study = await openStudy({ name: 's', base, tasks: [{ name: 'task', path: adapter }] });
  assert.ok(study.ok, study.ok ? '' : study.problem.message);
  return study.value;
}

/** τ of one tensor of the base, whole. */
export async function deltaOf(study: Study, tensor: string): Promise<number[]> {
  const delta = study.tasks[0]?.deltas.get(tensor);
  const entry = study.base?.tensors.find(({ name }) => name === tensor);
  assert.ok(
    delta && entry,
    `${tensor} has no change: ${JSON.stringify(study.findings.map((f) => f.message))}`,
  );
  return wholeDelta(delta, entry.span);
}

async function wholeDelta(delta: TensorDelta, base: TensorSpan): Promise<number[]> {
  if (delta.kind === 'lowRank') {
    const loaded = await delta.load();
    assert.ok(loaded.ok);
    const { scale, a, b, rows, columns, rank } = loaded.value;
    const rowsOf = (values: Float64Array, count: number, width: number) =>
      Array.from({ length: count }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
    return times(rowsOf(b, rows, rank), rowsOf(a, rank, columns))
      .flat()
      .map((value) => scale * value);
  }
  const span = delta.kind === 'dense' ? { ok: true as const, value: delta.span } : await delta.load();
  assert.ok(span.ok, span.ok ? '' : span.problem.message);
  const [before, after] = [await valuesOf(base), await valuesOf(span.value)];
  return [...after].map((value, at) => value - (before[at] as number));
}

async function valuesOf(span: TensorSpan): Promise<Float64Array> {
  const bytes = await readSpan(span);
  assert.ok(bytes.ok);
  return decode(span.dtype, bytes.value, span.count);
}

/** Asserts that numbers agree to 12 digits of the largest. */
export function assertClose(found: readonly number[], wanted: readonly number[], what = ''): void {
  assert.equal(found.length, wanted.length, what);
  const scale = Math.max(...wanted.map(Math.abs), 1e-300);
  for (const [at, value] of wanted.entries())
    assert.ok(
      Math.abs((found[at] ?? NaN) - value) <= 1e-12 * scale,
      `${what} [${at}] ${String(found[at])} is not ${value}`,
    );
}

/** The codes of all findings. */
export function codesOf({ findings }: Study): string[] {
  return findings.map(({ code }) => code);
}
