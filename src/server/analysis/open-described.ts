import type { Checkpoint } from '../../format/checkpoint';
import { findAdapterBase } from '../../model/adapter';
import type { AdapterDescription } from '../../model/describe-adapter';
import { openAdapter } from '../../model/open-adapter';
import { success, type Problem, type Result } from '../../protocol/result';
import type { AnalysisContext } from './context';

/** Checkpoints of the workspace that are looked at to find an adapter's base by the shapes of its tensors. */
const MOST_CANDIDATES = 200;

/** A checkpoint, and what it is as an adapter where it is one. */
export interface Described {
  readonly checkpoint: Checkpoint;
  readonly adapter: AdapterDescription | null;
  /** Why it cannot be described as the adapter that it seems to be; its tensors can be shown all the same. */
  readonly adapterProblem: Problem | null;
}

/**
 * What has been described, by the directory it was described from: looking for an adapter among 200,000 names takes a good
 * part of a second. A directory is read anew when a file of it or the adapter's configuration changes.
 */
const described = new WeakMap<Checkpoint, Described>();

/** Opens a path and, where it is an adapter, reads its configuration. Fails as `openCheckpoint` does. */
export async function openDescribed(path: string, context: AnalysisContext): Promise<Result<Described>> {
  const checkpoint = await context.directories.open(path);
  if (!checkpoint.ok) return checkpoint;
  const known = described.get(checkpoint.value);
  if (known) return success(known);
  const adapter = await openAdapter(checkpoint.value);
  const made = {
    checkpoint: checkpoint.value,
    adapter: adapter.ok ? adapter.value : null,
    adapterProblem: adapter.ok ? null : adapter.problem,
  };
  if (adapter.ok) described.set(checkpoint.value, made);
  return success(made);
}

/**
 * Where an adapter's base is: where its configuration leads, else the checkpoint known in the workspace that alone
 * fits. `null`: not found, or outside `roots`.
 */
export async function findBase(
  { checkpoint, adapter }: Described,
  roots: readonly string[],
  context: AnalysisContext,
): Promise<string | null> {
  if (!adapter) return null;
  const files = { config: adapter.config, tensors: checkpoint.tensors };
  const named = await findAdapterBase(files, roots, []);
  if (named) return named.path;
  const candidates: Checkpoint[] = [];
  for (const path of context.known.slice(0, MOST_CANDIDATES)) {
    const opened = await openDescribed(path, context);
    if (opened.ok && !opened.value.adapter && !opened.value.adapterProblem)
      candidates.push(opened.value.checkpoint);
  }
  const inferred = await findAdapterBase(files, roots, candidates);
  return inferred && inferred.path;
}
