import type { TensorEntry } from '../format/checkpoint';
import { isFloating } from '../model/dense-task';
import { networkOrder } from '../model/naming';
import type { Study } from '../model/study';
import { deltaBytes, type TaskVector, type TensorDelta } from '../model/task-vector';
import { success, type Result } from '../protocol/result';
import type { MatrixSource } from '../tensor/matrix-source';
import { freeBaseName } from './base-name';
import { deltaSource, deltaTerm, factorSource, matrixShape, tensorSource } from './matrix-pass';

/** One matrix of a study: a tensor of two dimensions or more, first dimension × the rest, or its task vector. */
export interface StudyMatrix {
  readonly tensor: string;
  /** Index into {@link StudyMatrices.names}. */
  readonly of: number;
  /** The rank that an adapter allots to it; `null` for a dense one. */
  readonly nominalRank: number | null;
  /** Bytes on disk that it takes to load and to work it off. */
  readonly bytes: number;
  readonly load: () => Promise<Result<MatrixSource>>;
}

export interface StudyMatrices {
  /** Whose matrices these are: the tasks, and before them the base where its weights are taken. */
  readonly names: readonly string[];
  /** One name after the other, tensors in network order. */
  readonly matrices: readonly StudyMatrix[];
  /** Tensors of fewer than two dimensions, which have no spectrum: how many distinct names. */
  readonly vectors: number;
}

/** Of which tensors a lens over matrices speaks. */
export const MATRICES_CAPTION =
  'Counted: every floating-point tensor of two dimensions or more, taken as first dimension × the rest; of an adapter the tensors that it targets.';

/** τ of every task in every tensor that it changes. */
export function deltaMatrices(study: Study): StudyMatrices {
  const base = byName(study.base?.tensors ?? []);
  const left = new Set<string>();
  const matrices = study.tasks.flatMap(({ deltas }, of) =>
    networkOrder([...deltas.keys()]).flatMap((tensor): StudyMatrix[] => {
      const delta = deltas.get(tensor);
      const entry = base.get(tensor);
      if (!delta) return [];
      if (entry && !matrixShape(entry)) left.add(tensor);
      if (entry ? !matrixShape(entry) : delta.kind !== 'lowRank') return [];
      const bytes = deltaBytes(delta) + (delta.kind === 'lowRank' ? 0 : (entry?.span.bytes ?? 0));
      return [
        {
          tensor,
          of,
          nominalRank: rankOf(delta),
          bytes,
          load: () => sourceOfDelta(entry, delta),
        },
      ];
    }),
  );
  return { names: study.tasks.map(({ name }) => name), matrices, vectors: left.size };
}

/** θ of the base and of every task; of an adapter θ₀ + s·B·A for the tensors that it changes, where the base is there. */
export function weightMatrices(study: Study): StudyMatrices {
  const names = study.tasks.map(({ name }) => name);
  const left = new Set<string>();
  const own = (tensors: ReadonlyMap<string, TensorEntry>, of: number): StudyMatrix[] =>
    networkOrder([...tensors.keys()]).flatMap((tensor) => {
      const entry = tensors.get(tensor);
      const source = entry && isFloating(entry) ? tensorSource(entry) : null;
      if (entry && isFloating(entry) && !source) left.add(tensor);
      if (!entry || !source) return [];
      const load = () => Promise.resolve(success(source));
      return [{ tensor, of, nominalRank: null, bytes: entry.span.bytes, load }];
    });
  const { base } = study;
  const first = base ? 1 : 0;
  const matrices = [
    ...(base ? own(byName(base.tensors), 0) : []),
    ...study.tasks.flatMap((task, index) =>
      task.kind === 'dense'
        ? own(underBaseNames(task), first + index)
        : adaptedMatrices(task, byName(base?.tensors ?? []), first + index),
    ),
  ];
  return { names: base ? [freeBaseName(names), ...names] : names, matrices, vectors: left.size };
}

function adaptedMatrices(
  { deltas }: TaskVector,
  base: ReadonlyMap<string, TensorEntry>,
  of: number,
): StudyMatrix[] {
  return networkOrder([...deltas.keys()]).flatMap((tensor): StudyMatrix[] => {
    const entry = base.get(tensor);
    const delta = deltas.get(tensor);
    const plain = entry && tensorSource(entry);
    if (!delta || !plain) return [];
    const load = async (): Promise<Result<MatrixSource>> => {
      const term = await deltaTerm(entry, delta, 1);
      return term.ok ? success({ ...plain, terms: [...plain.terms, term.value] }) : term;
    };
    return [{ tensor, of, nominalRank: null, bytes: entry.span.bytes + deltaBytes(delta), load }];
  });
}

/** τ of a tensor as a matrix source; without a base only an adapter has one. */
function sourceOfDelta(entry: TensorEntry | undefined, delta: TensorDelta): Promise<Result<MatrixSource>> {
  if (entry) return deltaSource(entry, delta);
  if (delta.kind === 'lowRank') return factorSource(delta);
  throw new RangeError('a dense task vector needs its base');
}

/** A fine-tune's tensors under the names that they have in the base; those that the base lacks under their own. */
function underBaseNames({ checkpoint, deltas }: TaskVector): Map<string, TensorEntry> {
  const names = new Map(
    [...deltas].flatMap(([name, delta]) => (delta.kind === 'dense' ? [[delta.span, name] as const] : [])),
  );
  return new Map(checkpoint.tensors.map((entry) => [names.get(entry.span) ?? entry.name, entry]));
}

function byName(tensors: readonly TensorEntry[]): Map<string, TensorEntry> {
  return new Map(tensors.map((entry) => [entry.name, entry]));
}

function rankOf(delta: TensorDelta): number | null {
  return delta.kind === 'lowRank' ? delta.rank : null;
}
