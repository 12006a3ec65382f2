import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { copiedTensor, type OutputFile, type OutputTensor } from '../format/output-file';
import type { BuiltTask } from '../model/dense-task';
import { placeOf } from '../model/naming';
import type { TensorDelta } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import type { BakeAction } from '../protocol/write';
import { isWritable } from '../tensor/encode';
import { BakedTensors } from './baked-tensors';
import { checkpointOutput } from './output';
import type { MergeContext, WritePlan } from './plan';
import { mergeFinding, refuse } from './problems';
import { withoutTies } from './ties';

/**
 * A base with a task vector added, `θ = θ₀ + w·τ`, tensor by tensor: summed in float32, written in the element type of the base.
 * Tensors that do not change are copied; those that do not and share the values of another one are left out. Writing fails with `bake-not-finite` where a sum has NaN or infinities that the base
 * has not; a check reports them. Fails with `write-nothing`, `bake-dtype`, `write-parameter`, or as making files does.
 */
export function planBake(
  base: Checkpoint,
  { task, findings }: BuiltTask,
  { weight, mostShardBytes }: Pick<BakeAction, 'weight' | 'mostShardBytes'>,
  target: string,
  companions: readonly OutputFile[],
  context: MergeContext,
): Result<WritePlan> {
  const { path } = base;
  if (!Number.isFinite(weight))
    return refuse('write-parameter', path, 'The weight of the adapter is no finite number.');
  // What changes by itself is written by itself, whoever had its values before.
  const tied = withoutTies(base.tensors).tied.filter(({ name }) => !task.deltas.has(name));
  const left = new Set(tied.map(({ name }) => name));
  const kept = base.tensors.filter(({ name }) => !left.has(name));
  const changed = kept.flatMap((entry) => {
    const delta = task.deltas.get(entry.name);
    return delta ? [{ entry, delta }] : [];
  });
  if (changed.length === 0)
    return refuse('write-nothing', path, `Nothing of ${task.name} has a place in ${path}.`);
  const odd = changed.find(({ entry }) => !isWritable(entry.span.dtype));
  if (odd) {
    const message = `${path}: ${odd.entry.name} is stored as ${odd.entry.span.dtype}, in which no sum can be written.`;
    return refuse('bake-dtype', path, message, odd.entry.name);
  }
  const baked = new BakedTensors(weight, context.read);
  const outputs = new Map<string, OutputTensor>();
  for (const { entry, delta } of changed) outputs.set(entry.name, baked.add(entry, delta, true));
  const files = checkpointOutput(target, {
    stem: 'model',
    tensors: kept.map((entry) => outputs.get(entry.name) ?? copiedTensor(entry)),
    metadata: { format: 'pt', ...base.metadata },
    order: 'given',
    mostShardBytes,
  }, companions.filter(({ name }) => name !== 'adapter_config.json')); // prettier-ignore
  if (!files.ok) return files;
  return success({
    ...files.value,
    tensors: kept.length,
    check: () => checkAll(changed, baked, context),
    report: () => ({
      summary: `${task.name} added to ${String(changed.length)} of ${String(kept.length)} tensors${weight === 1 ? '' : `, ${String(weight)} times`}.`,
      tables: [baked.table()],
      findings: [...findings, ...tiedFindings(base, changed), ...baked.findings()],
    }),
  });
}

/** Forms every tensor that changes, and lets go of it. */
async function checkAll(
  changed: readonly { readonly entry: TensorEntry; readonly delta: TensorDelta }[],
  baked: BakedTensors,
  { signal, progress }: MergeContext,
): Promise<Result<null>> {
  for (const [index, { entry, delta }] of changed.entries()) {
    progress(index / changed.length, 'Adding');
    for await (const piece of baked.add(entry, delta, false).pieces()) {
      if (!piece.ok) return piece;
      if (signal.aborted) return cancelled();
    }
  }
  return success(null);
}

function tiedFindings(
  base: Checkpoint,
  changed: readonly { readonly entry: TensorEntry }[],
): readonly Finding[] {
  const names = new Set(changed.map(({ entry }) => entry.name));
  const shared = withoutTies(base.tensors).tied.flatMap(({ name, as }) => {
    if (names.has(name) === names.has(as)) return [];
    const message = names.has(name)
      ? `${base.path}: ${name} changes and ${as}, whose values it shared, does not: it is written apart, which a loader that ties the two undoes.`
      : `${base.path}: ${as} changes, and ${name}, which shares its values, changes with it.`;
    return [mergeFinding('bake-tied', base.path, message, name)];
  });
  if (shared.length > 0) return shared;
  if (base.tensors.some(({ name }) => placeOf(name).module === 'head')) return [];
  const embedding = changed.find(({ entry }) => placeOf(entry.name).module === 'embedding.token')?.entry;
  if (!embedding) return [];
  const message = `${base.path}: ${embedding.name} changes, and the base has no output head of its own: the two are tied.`;
  return [mergeFinding('bake-tied', base.path, message, embedding.name)];
}
