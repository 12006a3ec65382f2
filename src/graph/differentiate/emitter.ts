import { int, ints } from '../attributes';
import { codeOf, type ElementType } from '../../format/onnx/element-types';
import type { Attributes, GraphDraft } from '../graph-draft';

/** A value that a rule computes with: its name, shape and type. */
export interface Term {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** Number of entries of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Writes nodes into a graph and keeps track of shapes, so that rules read like the formulas they come from. */
export class Emitter {
  constructor(readonly draft: GraphDraft) {}

  /** Applies an operator whose result has a shape that the caller knows. */
  apply(
    op: string,
    inputs: readonly (Term | null)[],
    shape: readonly number[],
    attributes: Attributes = {},
    type = inputs[0]?.type ?? 'float32',
  ): Term {
    const names = inputs.map((input) => input?.name ?? '');
    return { name: this.draft.add(op, names, attributes), shape, type };
  }

  /** A constant of the type of `like`, to be broadcast. */
  scalar(like: Term, value: number): Term {
    return { name: this.draft.scalar(like.type, value), shape: [], type: like.type };
  }

  /** Whole numbers, as axes and shapes are given. */
  integers(values: readonly number[]): Term {
    return { name: this.draft.integers(values), shape: [values.length], type: 'int64' };
  }

  /** An elementwise operator of one input. */
  map(op: string, x: Term): Term {
    return this.apply(op, [x], x.shape);
  }

  add(a: Term, b: Term): Term {
    return this.apply('Add', [a, b], broadcast(a.shape, b.shape));
  }

  sub(a: Term, b: Term): Term {
    return this.apply('Sub', [a, b], broadcast(a.shape, b.shape));
  }

  mul(a: Term, b: Term): Term {
    return this.apply('Mul', [a, b], broadcast(a.shape, b.shape));
  }

  div(a: Term, b: Term): Term {
    return this.apply('Div', [a, b], broadcast(a.shape, b.shape));
  }

  neg(x: Term): Term {
    return this.map('Neg', x);
  }

  /** `c · x`. */
  scale(x: Term, factor: number): Term {
    return factor === 1 ? x : this.mul(x, this.scalar(x, factor));
  }

  /** `x + c`. */
  shift(x: Term, by: number): Term {
    return this.add(x, this.scalar(x, by));
  }

  /** `condition ? a : b`. */
  where(condition: Term, a: Term, b: Term): Term {
    const shape = broadcast(condition.shape, broadcast(a.shape, b.shape));
    return this.apply('Where', [condition, a, b], shape, {}, a.type);
  }

  /** A comparison; boolean. */
  compare(op: 'Less' | 'Greater' | 'Equal' | 'LessOrEqual' | 'GreaterOrEqual', a: Term, b: Term): Term {
    return this.apply(op, [a, b], broadcast(a.shape, b.shape), {}, 'bool');
  }

  /** Values cast to a type. */
  cast(x: Term, type: ElementType): Term {
    return x.type === type ? x : this.apply('Cast', [x], x.shape, { to: int(codeOf(type)) }, type);
  }

  reshape(x: Term, shape: readonly number[]): Term {
    if (shape.join() === x.shape.join()) return x;
    return this.apply('Reshape', [x, this.integers(shape)], shape, { allowzero: int(1) });
  }

  transpose(x: Term, perm: readonly number[]): Term {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = perm.map((axis) => x.shape[axis] ?? 1);
    return this.apply('Transpose', [x], shape, { perm: ints(perm) });
  }

  /** The last two axes exchanged. */
  transposeMatrix(x: Term): Term {
    const rank = x.shape.length;
    const perm = x.shape.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
    return this.transpose(x, perm);
  }

  /** Matrix products over broadcast leading axes; both of rank 2 and more. */
  matmul(a: Term, b: Term): Term {
    const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.apply('MatMul', [a, b], [...lead, a.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1]);
  }

  /** A reduction that keeps the reduced axes with size 1. */
  reduce(op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax', x: Term, axes: readonly number[]): Term {
    if (axes.length === 0) return x;
    const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
    return this.apply(op, [x, this.integers(axes)], shape, { keepdims: int(1) });
  }

  /** The sum over the axes along which `shape` was broadcast to that of `x`: the gradient of broadcasting. */
  sumTo(x: Term, shape: readonly number[]): Term {
    const missing = x.shape.length - shape.length;
    const axes = x.shape.flatMap((size, i) =>
      i < missing || (shape[i - missing] === 1 && size !== 1) ? [i] : [],
    );
    return this.reshape(this.reduce('ReduceSum', x, axes), shape);
  }

  /** `x` repeated along axes of size 1. */
  expand(x: Term, shape: readonly number[]): Term {
    if (shape.join() === x.shape.join()) return x;
    return this.apply('Expand', [x, this.integers(shape)], shape);
  }

  /** Entries `starts … ends − 1` along axes. */
  slice(
    x: Term,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): Term {
    const shape = x.shape.map((size, i) => {
      const at = axes.indexOf(i);
      return at < 0 ? size : Math.ceil(((ends[at] ?? 0) - (starts[at] ?? 0)) / (steps[at] ?? 1));
    });
    const [s, e, a, t] = [starts, ends, axes, steps].map((values) => this.integers(values));
    return this.apply('Slice', [x, s ?? null, e ?? null, a ?? null, t ?? null], shape);
  }

  /** Zeros (or `value`) before and behind each axis. */
  pad(x: Term, before: readonly number[], after: readonly number[]): Term {
    if ([...before, ...after].every((count) => count === 0)) return x;
    const shape = x.shape.map((size, i) => size + (before[i] ?? 0) + (after[i] ?? 0));
    return this.apply('Pad', [x, this.integers([...before, ...after])], shape);
  }

  concat(parts: readonly Term[], axis: number): Term {
    const [first] = parts;
    const shape = (first?.shape ?? []).map((size, i) =>
      i === axis ? parts.reduce((sum, part) => sum + (part.shape[i] ?? 0), 0) : size,
    );
    return this.apply('Concat', parts, shape, { axis: int(axis) });
  }

  /** Parts of these sizes along an axis. */
  split(x: Term, sizes: readonly number[], axis: number): readonly Term[] {
    if (sizes.length === 1) return [x];
    const inputs = [x.name, this.draft.integers(sizes)];
    const names = this.draft.addMany('Split', inputs, sizes.length, { axis: int(axis) });
    return names.map((name, i) => ({
      name,
      shape: x.shape.map((size, at) => (at === axis ? (sizes[i] ?? 0) : size)),
      type: x.type,
    }));
  }

  /** A tensor of zeros. */
  zeros(type: ElementType, shape: readonly number[]): Term {
    const zero = { name: this.draft.scalar(type, 0), shape: [], type };
    return this.expand(zero, shape);
  }

  /** `data` with `updates` added at `indices` along `axis`; equal indices accumulate. */
  scatterAdd(data: Term, indices: Term, updates: Term, axis: number): Term {
    const attributes = { axis: int(axis), reduction: { kind: 'string', value: 'add' } as const };
    return this.apply('ScatterElements', [data, indices, updates], data.shape, attributes);
  }

  /** The numbers 0 … count − 1 in a shape. */
  range(shape: readonly number[], type: 'int64' | 'int32' | 'float32' = 'int64', first = 0): Term {
    const count = sizeOf(shape);
    const [start, end, step] = [first, first + count, 1].map((value) =>
      this.draft.constant(type, [], [value]),
    );
    const name = this.draft.add('Range', [start ?? '', end ?? '', step ?? '']);
    return this.reshape({ name, shape: [count], type }, shape);
  }
}

/** The shape that two shapes are broadcast to, as numpy has it. */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return x === 1 ? y : x;
  });
}
