import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { AdapterTask } from './adapter-tasks';
import { readNorms } from './group-pass';
import type { LensContext } from './lens';
import { factorSource, readMatrices } from './matrix-pass';
import { partOf } from './progress-part';
import { finiteOrNull } from './profile-sums';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

/** How far an adapter moves one tensor. */
export interface TensorNorm {
  /** ‖ΔW‖; `null` where a value is not finite, or where it can only be formed beside a base that is not there. */
  readonly norm: number | null;
  /** ‖W₀‖; `null` without a base. */
  readonly base: number | null;
  /** Some value of the adapter, or of the base in its place, is NaN or infinite. */
  readonly isBroken: boolean;
}

export interface AdapterNorms {
  /** By task of the study, then by tensor. */
  readonly byTask: ReadonlyMap<number, ReadonlyMap<string, TensorNorm>>;
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/**
 * ‖ΔW‖ of every tensor that an adapter changes: of factors by their Gram matrices, ‖sBA‖² = s² Σ (BᵀB) ∘ (AAᵀ), so that ΔW
 * is never formed. With a base it is read once for ‖W₀‖ and for what only it allows to form (DoRA, (IA)³, OFT). Fails as
 * reading does, or with `cancelled`.
 */
export async function adapterNorms(
  study: Study,
  adapters: readonly AdapterTask[],
  context: LensContext,
): Promise<Result<AdapterNorms>> {
  const byTask = new Map(adapters.map(({ index }) => [index, new Map<string, TensorNorm>()]));
  const end = study.base ? 0.3 : 1;
  const factors = await factorNorms(adapters, byTask, partOf(context, 0, end));
  if (!factors.ok) return factors;
  const base = await normsInBase(study, byTask, partOf(context, end, 1));
  if (!base.ok) return base;
  return success({
    byTask,
    findings: base.value.findings,
    bytesRead: factors.value + base.value.bytesRead,
  });
}

type NormMaps = ReadonlyMap<number, Map<string, TensorNorm>>;

/** Adds the norms of what is a product of factors, which the workers read themselves; gives the bytes read. */
async function factorNorms(
  adapters: readonly AdapterTask[],
  byTask: NormMaps,
  context: LensContext,
): Promise<Result<number>> {
  const products = adapters.flatMap(({ index, task }) =>
    [...task.deltas].flatMap(([tensor, delta]) =>
      delta.kind === 'lowRank' ? [{ index, tensor, delta }] : [],
    ),
  );
  const read = await readMatrices(
    products.map(({ delta }) => ({
      operation: { kind: 'squares' as const },
      load: () => factorSource(delta),
    })),
    context,
    ({ squares }, at) => {
      const product = products[at];
      if (product) byTask.get(product.index)?.set(product.tensor, normOf(squares?.[0] ?? NaN, null));
    },
    'Measuring factors',
  );
  return read.ok ? success(products.reduce((sum, { delta }) => sum + delta.bytes, 0)) : read;
}

function normOf(squares: number, base: number | null): TensorNorm {
  return { norm: finiteOrNull(Math.sqrt(squares)), base, isBroken: !Number.isFinite(squares) };
}

/** Adds ‖W₀‖ of every target, and the norms of what is no product of factors. */
async function normsInBase(
  study: Study,
  byTask: NormMaps,
  context: LensContext,
): Promise<Result<Pick<AdapterNorms, 'findings' | 'bytesRead'>>> {
  // Fine-tunes beside the adapters are not asked for, and factors have been measured.
  const tasks = study.tasks.map((task) =>
    task.adapter ? task : { ...task, deltas: new Map<string, never>() },
  );
  const all = tensorGroups({ ...study, tasks });
  const groups = all.map(({ base, members }) => ({
    base,
    members: members.filter(({ delta }) => delta.kind !== 'lowRank'),
  }));
  const read = await readNorms(groups, false, context);
  if (!read.ok) return read;
  for (const [index, { base, members }] of all.entries()) {
    const sums = read.value.sums[index];
    const size = finiteOrNull(Math.sqrt(sums?.baseSquares ?? NaN));
    for (const { task, delta } of members) {
      const own = byTask.get(task);
      const position = groups[index]?.members.findIndex((each) => each.task === task) ?? -1;
      const streamed = sums?.tasks[position];
      const known = delta.kind === 'lowRank' ? own?.get(base.name) : undefined;
      const norm = known ?? normOf(streamed?.deltaSquares ?? NaN, null);
      const isBroken = norm.isBroken || (streamed?.skipped ?? 0) > 0;
      own?.set(base.name, { ...norm, base: size, isBroken });
    }
  }
  const findings = skippedEntries(study, groups, read.value.sums);
  return success({ findings, bytesRead: read.value.bytesRead });
}
