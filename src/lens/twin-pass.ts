import { placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { deltaSource, matrixShape, readMatrices, type MatrixWork } from './matrix-pass';
import { BrokenMatrices } from './spectra';
import { spectralFigures, type SpectralFigures } from './spectral-figures';
import { sumSource } from './task-sums';

/** The shared model θ* = θ₀ + Σ wₜτₜ, and the tasks that it is to be told apart from. */
export interface SharedModel {
  /** In words, for captions. */
  readonly text: string;
  /** wₜ, by the task's index in the study. */
  readonly weights: readonly number[];
  /** Indices of the tasks whose exclusive part is wanted: all but the merged model itself. */
  readonly experts: readonly number[];
}

/** A spectrum as far as a rank budget asks for it. */
export interface Compressible extends SpectralFigures {
  /** ‖·‖² that is lost when only as many ranks as each budget are kept. */
  readonly lost: readonly number[];
}

/** One tensor of one task: its exclusive part v = θ − θ* beside its whole task vector τ. */
export interface TwinTensor {
  readonly tensor: string;
  readonly task: number;
  readonly place: Place;
  /** `null` for a tensor of one dimension, which is never cut. */
  readonly shape: { readonly rows: number; readonly columns: number } | null;
  readonly count: number;
  /** Of the base’s tensor. */
  readonly bytes: number;
  /** The rank of an adapter’s factors. */
  readonly nominalRank: number | null;
  readonly exclusive: Compressible | null;
  readonly whole: Compressible | null;
  /** ‖θ* − θ₀‖. */
  readonly sharedNorm: number | null;
}

/** Rank budgets: powers of two, as far as the largest matrix has ranks. */
export function budgetsFor(groups: readonly TensorGroup[]): number[] {
  const most = Math.max(
    1,
    ...groups.map(({ base }) => {
      const shape = matrixShape(base);
      return shape ? Math.min(shape.rows, shape.columns) : 1;
    }),
  );
  const budgets = [1];
  while ((budgets.at(-1) ?? most) < most) budgets.push(Math.min(most, (budgets.at(-1) ?? 1) * 2));
  return budgets;
}

/** Bytes of a matrix cut to a rank; as a whole where factors would take no less. */
export function bytesAtRank({ shape, count, bytes }: TwinTensor, rank: number): number {
  if (!shape) return bytes;
  return (bytes / count) * Math.min(rank * (shape.rows + shape.columns), count);
}

/**
 * Singular values of θ* − θ₀, and of v and τ of every task, tensor by tensor; only their figures are kept. A task that is
 * not finite in a tensor leaves no exclusive part of any task there, and becomes a finding. Fails as reading does, or
 * with `cancelled`.
 */
export async function readTwins(
  study: Study,
  groups: readonly TensorGroup[],
  shared: SharedModel,
  context: LensContext,
): Promise<Result<{ tensors: readonly TwinTensor[]; findings: readonly Finding[] }>> {
  const broken = new BrokenMatrices(
    study,
    study.tasks.map(({ name }) => name),
  );
  const budgets = budgetsFor(groups);
  const found = groups.map((): Found => ({ shared: null, exclusive: new Map(), whole: new Map() }));
  const work = groups.flatMap((group, index) => workOf(group, index, shared));
  const read = await readMatrices(
    work,
    context,
    (outcome, index) => {
      const item = work[index];
      const own = item && found[item.group];
      if (!own) return;
      const { rows, columns, singular, nonFinite } = outcome;
      if (singular === null) {
        const tensor = groups[item.group]?.base.name ?? '';
        if (item.of === 'whole') broken.add({ tensor, of: item.task }, nonFinite, rows * columns);
        return;
      }
      if (item.of === 'shared') own.shared = spectralFigures(singular).norm;
      else own[item.of].set(item.task, compressible(singular, rows, columns, budgets));
    },
    'Telling shared from exclusive',
  );
  if (!read.ok) return read;
  const tensors = groups.flatMap(({ base, members }, index) =>
    members
      .filter(({ task }) => shared.experts.includes(task))
      .map(({ task, delta }): TwinTensor => {
        const { bytes, count } = base.span;
        const own = found[index];
        return {
          tensor: base.name,
          task,
          place: placeOf(base.name),
          shape: matrixShape(base),
          count,
          bytes,
          nominalRank: delta.kind === 'lowRank' ? delta.rank : null,
          exclusive: own?.exclusive.get(task) ?? null,
          whole: own?.whole.get(task) ?? null,
          sharedNorm: own?.shared ?? null,
        };
      }),
  );
  return success({ tensors, findings: broken.findings() });
}

interface Found {
  shared: number | null;
  readonly exclusive: Map<number, Compressible>;
  readonly whole: Map<number, Compressible>;
}

interface TwinWork extends MatrixWork {
  readonly group: number;
  readonly of: 'shared' | 'exclusive' | 'whole';
  readonly task: number;
}

function workOf(
  { base, members }: TensorGroup,
  group: number,
  { weights, experts }: SharedModel,
): TwinWork[] {
  const operation = { kind: 'singularValues' as const };
  const weightOf = (task: number) => weights[task] ?? 0;
  return [
    { group, of: 'shared', task: -1, operation, load: () => sumSource(base, members, weightOf) },
    ...members.flatMap(({ task, delta }): TwinWork[] => {
      const whole = {
        group,
        task,
        operation,
        of: 'whole' as const,
        load: () => deltaSource(base, delta),
      };
      if (!experts.includes(task)) return [];
      const rest = (other: number) => (other === task ? 1 : 0) - weightOf(other);
      const load = () => sumSource(base, members, rest);
      return [whole, { group, task, operation, of: 'exclusive', load }];
    }),
  ];
}

function compressible(
  singular: Float64Array,
  rows: number,
  columns: number,
  budgets: readonly number[],
): Compressible {
  const lost = budgets.map((budget) => {
    // As large as the matrix itself: then it is kept as it is.
    if (budget * (rows + columns) >= rows * columns) return 0;
    let sum = 0;
    for (let at = singular.length - 1; at >= budget; at--) sum += (singular[at] ?? 0) ** 2;
    return sum;
  });
  return { ...spectralFigures(singular), lost };
}
