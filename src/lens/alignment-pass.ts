import { placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import type { MatrixOutcome, MatrixSource } from '../tensor/matrix-source';
import type { GroupMember, TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { deltaSource, matrixShape, readMatrices, type MatrixWork } from './matrix-pass';
import { OverlapSums } from './overlap-sums';
import { BrokenMatrices } from './spectra';
import { sumSource } from './task-sums';
import { subspaceOf, subspaceRelations, type SubspaceRelations, type TaskSubspace } from './task-subspaces';

/** How the tasks lie to their sum and to each other in one tensor. */
export interface TensorAlignment extends Omit<SubspaceRelations, 'stacked'> {
  readonly tensor: string;
  readonly place: Place;
  readonly tasks: readonly TaskAlignment[];
  /** Dimensions of the subspace of the sum, before and after flattening; `null` where the sum is zero. */
  readonly rank: number | null;
  readonly flattenedRank: number | null;
}

export interface TaskAlignment {
  /** Index into the study's tasks. */
  readonly task: number;
  /** Subspace alignment ratio with the sum, before and after flattening; `null` where τ or the sum is zero. */
  readonly sar: number | null;
  readonly flattenedSar: number | null;
  /** Share of ‖τ‖² within the directions that the tasks share, and within as many of its own. */
  readonly sharedEnergy: number | null;
  readonly ownEnergy: number | null;
}

export interface Alignments {
  readonly tensors: readonly TensorAlignment[];
  readonly overlaps: OverlapSums;
  readonly findings: readonly Finding[];
}

/** Pairs kept tensor by tensor; beyond, only their means over layers and the whole are. */
const MOST_PAIRS = 100_000;

/** What may be lost of the sum: k is the smallest with ‖M − U_kU_kᵀM‖_F ≤ 0.05‖M‖_F (Marczak et al. 2025). */
export const RESIDUAL = 0.05;
/** A decomposition with all its vectors takes several times the matrix. */
const LARGEST = 1 / 4;
const BATCH = 16;
const SHARE_OF_BUDGET = 1 / 8;
const BYTES_PER_DOUBLE = 8;

/**
 * Works tensors off in batches: first the `top` strongest directions of every task, then the sum of the tasks and how
 * much of each lies in its directions. A task that is not finite in a tensor is left out there, which becomes a finding.
 * Fails as reading does, or with `cancelled`.
 */
export async function readAlignments(
  study: Study,
  groups: readonly TensorGroup[],
  top: number,
  context: LensContext,
): Promise<Result<Alignments>> {
  const broken = new BrokenMatrices(
    study,
    study.tasks.map(({ name }) => name),
  );
  const fitting = groups.filter((group) => fits(group, context.memoryBudget, broken));
  const tensors: TensorAlignment[] = [];
  const overlaps = new OverlapSums(study.tasks.length);
  let pairs = 0;
  let done = 0;
  while (done < fitting.length) {
    if (context.signal.aborted) return cancelled();
    const batch = nextBatch(fitting, done, top, context.memoryBudget * SHARE_OF_BUDGET);
    const within = (share: number) => (done + share * batch.length) / fitting.length;
    const part = (from: number): LensContext => ({
      ...context,
      progress: (fraction, message) => context.progress(within(from + fraction / 2), message),
    });
    const subspaces = await readSubspaces(batch, top, broken, part(0));
    if (!subspaces.ok) return subspaces;
    const aligned = await alignBatch(batch, subspaces.value, part(1 / 2));
    if (!aligned.ok) return aligned;
    for (const tensor of aligned.value) {
      overlaps.add(tensor.place, tensor.pairs);
      pairs += tensor.pairs.length;
      tensors.push(pairs > MOST_PAIRS ? { ...tensor, pairs: [] } : tensor);
    }
    done += batch.length;
  }
  return success({ tensors, overlaps, findings: broken.findings() });
}

/** Whether a tensor's vectors fit into memory; of adapters the factors do. */
function fits({ base, members }: TensorGroup, budget: number, broken: BrokenMatrices): boolean {
  const shape = matrixShape(base);
  if (!shape) return false;
  const { rows, columns } = shape;
  const rank = members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'lowRank' ? delta.rank : Infinity),
    0,
  );
  const held = 2 * rank > Math.min(rows, columns) ? rows * columns : rank * (rows + columns);
  if (held * BYTES_PER_DOUBLE <= budget * LARGEST) return true;
  broken.addTooLarge(base.name, rows, columns);
  return false;
}

function nextBatch(groups: readonly TensorGroup[], first: number, top: number, limit: number): TensorGroup[] {
  const batch: TensorGroup[] = [];
  let room = limit;
  for (const group of groups.slice(first, first + BATCH)) {
    const { rows, columns } = matrixShape(group.base) ?? { rows: 0, columns: 0 };
    room -= group.members.length * top * (rows + columns) * BYTES_PER_DOUBLE;
    if (batch.length > 0 && room < 0) break;
    batch.push(group);
  }
  return batch;
}

/** For every group the members that are finite, with their subspaces; a member that is zero has none. */
type Sound = readonly { readonly member: GroupMember; readonly subspace: TaskSubspace | null }[];

async function readSubspaces(
  groups: readonly TensorGroup[],
  top: number,
  broken: BrokenMatrices,
  context: LensContext,
): Promise<Result<Sound[]>> {
  const work = groups.flatMap(({ base, members }, group) =>
    members.map((member) => ({
      group,
      member,
      operation: { kind: 'svd' as const, rank: top },
      load: () => deltaSource(base, member.delta),
    })),
  );
  const sound = groups.map((): { member: GroupMember; subspace: TaskSubspace | null }[] => []);
  const read = await readMatrices(
    work,
    context,
    (outcome, index) => {
      const item = work[index];
      if (!item) return;
      const { group, member } = item;
      if (outcome.nonFinite === 0) {
        sound[group]?.push({ member, subspace: subspaceOf(member.task, outcome) });
        return;
      }
      const matrix = { tensor: groups[group]?.base.name ?? '', of: member.task };
      broken.add(matrix, outcome.nonFinite, outcome.rows * outcome.columns);
    },
    'Finding the strongest directions',
  );
  return read.ok ? success(sound) : read;
}

async function alignBatch(
  groups: readonly TensorGroup[],
  sound: readonly Sound[],
  context: LensContext,
): Promise<Result<TensorAlignment[]>> {
  const relations = sound.map((own) =>
    subspaceRelations(own.flatMap(({ subspace }) => (subspace ? [subspace] : []))),
  );
  const aligned: { sum?: MatrixOutcome; shared?: MatrixOutcome }[] = groups.map(() => ({}));
  const work: (MatrixWork & { readonly group: number; readonly of: 'sum' | 'shared' })[] = [];
  for (const [group, { base }] of groups.entries()) {
    const members = sound[group]?.map(({ member }) => member) ?? [];
    const stacked = relations[group]?.stacked;
    if (!stacked || stacked.columns === 0) continue;
    const parts: MatrixSource[] = [];
    for (const { delta } of members) {
      const part = await deltaSource(base, delta);
      if (!part.ok) return part;
      parts.push(part.value);
    }
    const operation = { kind: 'alignment' as const, parts };
    work.push({ group, of: 'sum', operation, load: () => sumSource(base, members, () => 1) });
    const values = { kind: 'values' as const, weight: 1, values: stacked.values };
    const source = { rows: stacked.rows, columns: stacked.columns, terms: [values] };
    work.push({ group, of: 'shared', operation, load: () => Promise.resolve(success(source)) });
  }
  const read = await readMatrices(
    work,
    context,
    (outcome, index) => {
      const item = work[index];
      const own = item && aligned[item.group];
      if (own) own[item.of] = outcome;
    },
    'Projecting tasks onto their sum',
  );
  if (!read.ok) return read;
  return success(
    groups.map((group, index) => {
      const { pairs, interference, relativeInterference } = relations[index] ?? subspaceRelations([]);
      const own = alignmentOf(group, sound[index] ?? [], aligned[index] ?? {});
      return { ...own, pairs, interference, relativeInterference };
    }),
  );
}

function alignmentOf(
  { base }: TensorGroup,
  sound: Sound,
  { sum, shared }: { readonly sum?: MatrixOutcome; readonly shared?: MatrixOutcome },
): Pick<TensorAlignment, 'tensor' | 'place' | 'tasks' | 'rank' | 'flattenedRank'> {
  const place = placeOf(base.name);
  const rank = rankWithin(sum?.singular ?? new Float64Array());
  // Iso-C averages what is no matrix, and embeddings: their directions stay those of the sum.
  const averaged = base.span.shape.length !== 2 || place.role === 'embedding';
  const flattenedRank = averaged ? rank : flatRank(sum?.singular ?? new Float64Array());
  const most = Math.max(0, ...sound.map(({ subspace }) => subspace?.singular.length ?? 0));
  const tasks = sound.map(({ member, subspace }, part): TaskAlignment => {
    const squares = shared?.squares?.[part] ?? 0;
    const own = subspace?.singular.reduce((total, value) => total + value * value, 0) ?? 0;
    return {
      task: member.task,
      sar: root(shareWithin(sum, part, rank)),
      flattenedSar: root(shareWithin(sum, part, flattenedRank)),
      sharedEnergy: shareWithin(shared, part, most),
      ownEnergy: squares > 0 ? Math.min(1, own / squares) : null,
    };
  });
  return { tensor: base.name, place, tasks, rank, flattenedRank };
}

/** Smallest k with Σ_{i>k} σ² ≤ 0.05² Σσ²; `null` for a matrix of zeros. */
export function rankWithin(singular: Float64Array): number | null {
  const total = singular.reduce((sum, value) => sum + value * value, 0);
  if (!(total > 0)) return null;
  let k = singular.length;
  let lost = 0;
  while (k > 0) {
    lost += (singular[k - 1] ?? 0) ** 2;
    if (lost > RESIDUAL ** 2 * total) break;
    k--;
  }
  return k;
}

/** The same once every singular value that is not rounding has become their mean. */
function flatRank(singular: Float64Array): number | null {
  const least = (singular[0] ?? 0) * singular.length * 2 ** -52;
  let count = 0;
  for (const value of singular) if (value > least) count++;
  return count > 0 ? count - Math.floor(RESIDUAL ** 2 * count * (1 + 1e-12)) : null;
}

/** Share of a part's ‖τ‖² along the first `rank` directions. */
function shareWithin(outcome: MatrixOutcome | undefined, part: number, rank: number | null): number | null {
  const { energies, squares, singular } = outcome ?? {};
  const whole = squares?.[part] ?? 0;
  if (!energies || !singular || rank === null || !(whole > 0)) return null;
  const first = part * singular.length;
  const within = energies.subarray(first, first + Math.min(rank, singular.length));
  return Math.min(1, within.reduce((sum, energy) => sum + energy, 0) / whole);
}

function root(share: number | null): number | null {
  return share === null ? null : Math.sqrt(share);
}
