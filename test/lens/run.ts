// Opens studies of the samples (and, where it is there, of the larger collection beside the repository) and runs lenses.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Lens, LensContext } from '../../src/lens/lens';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import type { Artifact, Matrix, Table, TableCell } from '../../src/protocol/artifact';
import { checkParameters } from '../../src/protocol/lens';
import { unpackNumbers } from '../../src/protocol/numbers';
import type { PassRunner } from '../../src/tensor/pass';
import { threadPasses } from './thread-passes';

const ROOT = path.resolve(import.meta.dirname, '../..');

export const SAMPLES = path.join(ROOT, 'samples');
export const ZOO = path.resolve(ROOT, '../shared/zoo');
/** Options for a test that needs the larger collection. */
export const WITH_ZOO = fs.existsSync(ZOO) ? {} : { skip: 'the larger collection of networks is not here' };

/** Opens base and tasks below a folder; task names are the last parts of their paths. */
export async function study(folder: string, base: string | null, tasks: readonly string[]): Promise<Study> {
  const opened = await openStudy({
    name: path.basename(folder),
    ...(base === null ? {} : { base: path.join(folder, base) }),
    tasks: tasks.map((task) => ({ name: path.basename(task), path: path.join(folder, task) })),
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** The study of the digits in the samples, with its graph and data, and these of its tasks. */
export async function networkStudy(
  tasks: readonly string[],
  data: readonly string[] = tasks,
): Promise<Study> {
  const folder = path.join(SAMPLES, 'vit-digits');
  const opened = await openStudy({
    name: 'digits',
    base: path.join(folder, 'base'),
    tasks: tasks.map((task) => ({ name: task, path: path.join(folder, task) })),
    graph: path.join(folder, 'onnx/base.onnx'),
    data: data.map((name) => ({ name, path: path.join(folder, `data/${name}-val.npz`) })),
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** The study of the mixture of experts in the samples, with its graph and two data sets. */
export async function mixtureStudy(): Promise<Study> {
  const folder = path.join(SAMPLES, 'moe-toy');
  const opened = await openStudy({
    name: 'mixture',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'arith', path: path.join(folder, 'arith') }],
    graph: path.join(folder, 'onnx/base.onnx'),
    data: ['kjv', 'arith'].map((name) => ({ name, path: path.join(folder, `data/${name}.npz`) })),
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** What a lens gave, looked up by id. */
export interface Ran {
  readonly artifacts: readonly Artifact[];
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  readonly bytesRead: number;
  table(id: string): Row[];
  matrix(id: string): Matrix;
}

/** A table's row by column names. */
export type Row = Readonly<Record<string, TableCell>>;

/** The convolutional network of the zoo with its graph, and images. */
export async function convolutionalStudy(): Promise<Study> {
  const opened = await openStudy({
    name: 'cnn',
    base: path.join(ZOO, 'cnn-digits/base'),
    tasks: [],
    graph: path.join(ZOO, 'cnn-digits/onnx/base.onnx'),
    data: [{ name: 'clean', path: path.join(ZOO, 'vit-digits/data/clean-val.npz') }],
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** Runs a lens on a study; by default over the slow passes. */
export async function run(
  lens: Lens,
  opened: Study,
  given: Readonly<Record<string, unknown>> = {},
  passes: PassRunner = threadPasses(),
  memoryBudget = 2 ** 20,
  partial?: LensContext['partial'],
): Promise<Ran> {
  const parameters = checkParameters(lens.description.parameters, given);
  assert.ok(parameters.ok);
  const output = await lens.run(opened, parameters.value, {
    passes,
    signal: new AbortController().signal,
    memoryBudget,
    progress: (fraction) => assert.ok(fraction >= 0 && fraction <= 1),
    log: () => undefined,
    ...(partial ? { partial } : {}),
  });
  assert.ok(output.ok, output.ok ? '' : output.problem.message);
  const { artifacts, findings, bytesRead } = output.value;
  const find = <K extends Artifact['kind']>(kind: K, id: string) => {
    const found = artifacts.find((each) => each.kind === kind && each.id === id);
    assert.ok(found, `there is a ${kind} "${id}"`);
    return found as Extract<Artifact, { kind: K }>;
  };
  return {
    artifacts,
    findings,
    bytesRead,
    table: (id) => rowsOf(find('table', id)),
    matrix: (id) => find('matrix', id),
  };
}

function rowsOf({ columns, rows }: Table): Row[] {
  return rows.map((row) => {
    assert.equal(row.length, columns.length);
    return Object.fromEntries(columns.map(({ name }, index) => [name, row[index] as TableCell]));
  });
}

/** The value of a matrix's cell by the labels of its row and column. */
export function cell(matrix: Matrix, row: string, column: string): number | null {
  const at = (entries: Matrix['rows'], label: string) => {
    const index = entries.findIndex((entry) => entry.label === label);
    assert.ok(index >= 0, `there is a "${label}"`);
    return index;
  };
  const value = unpackNumbers(matrix.values)[
    at(matrix.rows, row) * matrix.columns.length + at(matrix.columns, column)
  ];
  return value ?? null;
}

/** The only row for which every given column has the given value. */
export function only(rows: readonly Row[], wanted: Row): Row {
  const found = rows.filter((row) => Object.entries(wanted).every(([key, value]) => row[key] === value));
  assert.equal(found.length, 1, `there is one row with ${JSON.stringify(wanted)}`);
  return found[0] as Row;
}

/** Relative error at most 1e-6, or absolute at most 1e-9 near 0; `null` only where the reference is `null`. */
export function agree(actual: TableCell | undefined, reference: number | null, what: string): void {
  if (reference === null) return assert.equal(actual, null, what);
  assert.equal(typeof actual, 'number', what);
  const error = Math.abs((actual as number) - reference);
  assert.ok(
    error <= Math.max(1e-9, 1e-6 * Math.abs(reference)),
    `${what}: ${String(actual)} is not ${String(reference)}`,
  );
}

/** Reads a JSON file. */
export function readJson<T>(...parts: readonly string[]): T {
  return JSON.parse(fs.readFileSync(path.join(...parts), 'utf8')) as T;
}

/** Reference values of the samples. */
export const FIXTURES = path.join(ROOT, 'test/fixtures/reference');
