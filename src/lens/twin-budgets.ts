import { bytesAtRank, type TwinTensor } from './twin-pass';

/** What one task costs, and how far it is off, at every rank budget. */
export interface TaskBudgets {
  readonly name: string;
  readonly budgets: readonly number[];
  /** ‖θ − θ_k‖ / ‖τ‖ with the exclusive part cut to k ranks; `null` where the task is unchanged. */
  readonly exclusiveError: readonly (number | null)[];
  /** The same with the task vector cut to k ranks on top of the base. */
  readonly wholeError: readonly (number | null)[];
  readonly bytes: readonly number[];
  /** Of the whole task; of an adapter its factors. */
  readonly denseBytes: number;
  /** ‖θ − θ*‖² / ‖τ‖² of the whole task. */
  readonly exclusiveEnergy: number | null;
}

/** Sums a task's tensors; those that are not finite in some task count for nothing. */
export function taskBudgets(
  name: string,
  tensors: readonly TwinTensor[],
  budgets: readonly number[],
): TaskBudgets {
  const known = tensors.flatMap((tensor) => {
    const { exclusive, whole } = tensor;
    return exclusive && whole ? [{ tensor, exclusive, whole }] : [];
  });
  const total = (of: (each: (typeof known)[number]) => number) =>
    known.reduce((sum, each) => sum + of(each), 0);
  const energy = total(({ whole }) => whole.norm ** 2);
  const over = (lost: number) => (energy > 0 ? Math.sqrt(lost / energy) : null);
  return {
    name,
    budgets,
    // A tensor of one dimension is kept whole.
    exclusiveError: budgets.map((_, at) =>
      over(total(({ tensor, exclusive }) => (tensor.shape ? (exclusive.lost[at] ?? 0) : 0))),
    ),
    wholeError: budgets.map((_, at) =>
      over(total(({ tensor, whole }) => (tensor.shape ? (whole.lost[at] ?? 0) : 0))),
    ),
    bytes: budgets.map((budget) => total(({ tensor }) => bytesAtRank(tensor, budget))),
    denseBytes: total(({ tensor }) => bytesAtRank(tensor, tensor.nominalRank ?? Infinity)),
    exclusiveEnergy: energy > 0 ? total(({ exclusive }) => exclusive.norm ** 2) / energy : null,
  };
}
