import fs from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint, TensorEntry } from '../../format/checkpoint';
import { compareModules, placeOf } from '../../model/naming';
import { readArchitecture } from '../../model/read-architecture';
import { nameOf } from '../../model/task-name';
import type { AdapterSummary, Breakdown, CheckpointView, TensorColumns } from '../../protocol/checkpoint';
import type { Finding } from '../../protocol/finding';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success, type Problem } from '../../protocol/result';
import { placeInFile } from '../../tensor/span';
import type { AnalysisContext } from './context';
import { findBase, openDescribed, type Described } from './open-described';

/** Indexes of one folder that are opened to find out whether a file is a shard. */
const MOST_INDEXES = 8;

/** What is in a checkpoint or adapter, from its directory alone. Fails as opening does. */
export async function inspect(
  { path: file, roots }: RequestParams<'deltalens/inspect'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/inspect'>> {
  const opened = await openDescribed(file, context);
  if (!opened.ok) return opened;
  const { checkpoint } = opened.value;
  const basePath = await findBase(opened.value, roots, context);
  const shardOf = await indexOf(checkpoint, folderOf(checkpoint), context);
  return success(await viewOf(opened.value, basePath, shardOf));
}

/** What is in a checkpoint, with what was found out about the files around it. */
export async function viewOf(
  { checkpoint, adapter, adapterProblem }: Described,
  basePath: string | null,
  shardOf: CheckpointView['shardOf'] | null,
): Promise<CheckpointView> {
  const summary: AdapterSummary | null = adapter && { ...adapter.summary, basePath };
  const tensors = columnsOf(checkpoint);
  return {
    path: checkpoint.path,
    name: nameInView(checkpoint),
    kind: adapter ? 'adapter' : 'checkpoint',
    container: checkpoint.container,
    fingerprint: checkpoint.fingerprint,
    files: checkpoint.files.map(({ path: data, bytes }) => ({ path: data, bytes })),
    parameters: sum(tensors.parameters),
    bytes: sum(tensors.bytes),
    tensorCount: checkpoint.tensors.length,
    dtypes: breakdown(checkpoint.tensors, tensors.dtype).sort((a, b) => b.bytes - a.bytes),
    modules: breakdown(checkpoint.tensors, tensors.module).sort((a, b) => compareModules(a.label, b.label)),
    metadata: checkpoint.metadata,
    ...(checkpoint.origin ? { origin: checkpoint.origin } : {}),
    architecture: (await readArchitecture(folderOf(checkpoint))).architecture?.title ?? null,
    ...(summary ? { adapter: summary } : {}),
    ...(shardOf ? { shardOf } : {}),
    tensors,
    findings: [
      ...checkpoint.findings,
      ...(adapter?.findings ?? []),
      ...(adapterProblem ? [findingOf(adapterProblem, checkpoint.path)] : []),
    ],
  };
}

/** A copy of a model of the Hub lies in a folder named by its commit, which says nothing. */
function nameInView({ path: opened, origin }: Checkpoint): string {
  const name = nameOf(opened);
  return origin && name === origin.commit ? origin.repository : name;
}

function folderOf({ files, path: opened }: Checkpoint): string {
  return path.dirname(files[0]?.path ?? opened);
}

function findingOf({ code, message, action, path: concerned }: Problem, opened: string): Finding {
  return { code, severity: 'warning', path: concerned ?? opened, message, help: action };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function breakdown(entries: readonly TensorEntry[], labels: readonly string[]): Breakdown[] {
  const groups = new Map<string, { label: string; tensors: number; parameters: number; bytes: number }>();
  for (const [index, { span }] of entries.entries()) {
    const label = labels[index] ?? '';
    const group = groups.get(label) ?? { label, tensors: 0, parameters: 0, bytes: 0 };
    if (group.tensors === 0) groups.set(label, group);
    group.tensors++;
    group.parameters += span.count;
    group.bytes += span.bytes;
  }
  return [...groups.values()];
}

/** Filled tensor by tensor: of 200,000, nothing grows and nothing lives longer than it is needed. */
function columnsOf({ files, tensors }: Checkpoint): TensorColumns {
  const numbers = new Map(files.map((file, index) => [file.path, index]));
  const count = tensors.length;
  const columns = {
    name: new Array<string>(count),
    dtype: new Array<string>(count),
    shape: new Array<readonly number[]>(count),
    parameters: new Array<number>(count),
    bytes: new Array<number>(count),
    file: new Array<number>(count),
    offset: new Array<number>(count),
    layer: new Array<string>(count),
    module: new Array<string>(count),
  };
  for (const [index, { name, span }] of tensors.entries()) {
    const stored = placeInFile(span);
    const { layer, module: moduleOf } = placeOf(name);
    columns.name[index] = name;
    columns.dtype[index] = stored.label;
    columns.shape[index] = span.shape;
    columns.parameters[index] = span.count;
    columns.bytes[index] = stored.bytes;
    columns.file[index] = numbers.get(span.path) ?? 0;
    columns.offset[index] = stored.offset;
    columns.layer[index] = layer;
    columns.module[index] = moduleOf;
  }
  return columns;
}

/** The sharded model that a single file is a part of. */
async function indexOf(
  { path: opened, files }: Checkpoint,
  folder: string,
  context: AnalysisContext,
): Promise<CheckpointView['shardOf'] | null> {
  const [file, ...more] = files;
  if (!file || more.length > 0 || file.path !== opened) return null;
  const names = await fs.readdir(folder).catch(() => []);
  const indexes = names.filter((name) => name.endsWith('.safetensors.index.json'));
  for (const name of indexes.slice(0, MOST_INDEXES)) {
    const index = await context.directories.open(path.join(folder, name));
    if (!index.ok || !index.value.files.some((shard) => shard.path === file.path)) continue;
    return { indexPath: index.value.path, shards: index.value.files.length };
  }
  return null;
}
