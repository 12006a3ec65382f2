import { intOf, textOf } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';
import type { OnnxNode } from '../../format/onnx/types';
import type { Lowering, LoweringContext, LoweringFamily } from './lowering';

/** Sequences longer than this stay as they are. */
const MOST_STEPS = 1024;

/** What one direction of a recurrence computes with. */
interface Direction {
  readonly emit: Emitter;
  /** Functions f, g, h of the operator's definition. */
  readonly activations: readonly ((x: Term) => Term)[];
  /** Input times W for every step, with the bias of W: [batch, gates · hidden] each. */
  readonly projected: readonly Term[];
  /** Rᵀ: [hidden, gates · hidden], and its bias. */
  readonly recurrent: Term;
  readonly recurrentBias: Term | null;
  /** Peepholes, [3 · hidden], of an LSTM that has them. */
  readonly peepholes: Term | null;
  readonly hidden: number;
  readonly node: OnnxNode;
}

/** The states, [batch, hidden] each: of the hidden units, then of the cells of an LSTM. */
type States = readonly Term[];
type Step = (direction: Direction, projected: Term, states: States) => States;

/** `hᵗ = f(W xᵗ + R hᵗ⁻¹ + b)`. */
const rnnStep: Step = ({ emit, activations, recurrent, recurrentBias }, projected, [h]) => {
  const [f] = activations;
  const sum = h ? emit.add(projected, withBias(emit, emit.matmul(h, recurrent), recurrentBias)) : projected;
  return [f ? f(sum) : sum];
};

/** Gates i, o, f and the cell's candidate, in the order in which the operator has them. */
const lstmStep: Step = (direction, projected, [h, c]) => {
  const { emit, activations, recurrent, recurrentBias, hidden, peepholes } = direction;
  const [f, g, out] = activations;
  if (!h || !c || !f || !g || !out) return [];
  const sum = emit.add(projected, withBias(emit, emit.matmul(h, recurrent), recurrentBias));
  const [i, o, forget, candidate] = emit.split(sum, Array<number>(4).fill(hidden), 1);
  const [pi, po, pf] = peepholes === null ? [] : emit.split(peepholes, Array<number>(3).fill(hidden), 0);
  if (!i || !o || !forget || !candidate) return [];
  const peeped = (gate: Term, weights: Term | undefined, cell: Term): Term =>
    weights ? emit.add(gate, emit.mul(weights, cell)) : gate;
  const kept = emit.mul(f(peeped(forget, pf, c)), c);
  const cell = emit.add(kept, emit.mul(f(peeped(i, pi, c)), g(candidate)));
  return [emit.mul(f(peeped(o, po, cell)), out(cell)), cell];
};

/** Gates z, r and the candidate; the reset gate acts before or after R. `hᵗ = (1 − z) n + z hᵗ⁻¹`. */
const gruStep: Step = (direction, projected, [h]) => {
  const { emit, activations, recurrent, recurrentBias, hidden, node } = direction;
  const [f, g] = activations;
  if (!h || !f || !g) return [];
  const thirds = Array<number>(3).fill(hidden);
  const [xz, xr, xn] = emit.split(projected, thirds, 1);
  const [rz, rr, rn] = emit.split(recurrent, thirds, 1);
  const [bz, br, bn] = recurrentBias === null ? [] : emit.split(recurrentBias, thirds, 0);
  if (!xz || !xr || !xn || !rz || !rr || !rn) return [];
  const times = (x: Term, matrix: Term, bias: Term | undefined): Term =>
    withBias(emit, emit.matmul(x, matrix), bias ?? null);
  const z = f(emit.add(xz, times(h, rz, bz)));
  const r = f(emit.add(xr, times(h, rr, br)));
  const after = intOf(node, 'linear_before_reset', 0) !== 0;
  const inner = after ? emit.mul(r, times(h, rn, bn)) : times(emit.mul(r, h), rn, bn);
  const n = g(emit.add(xn, inner));
  return [emit.add(n, emit.mul(z, emit.sub(h, n)))];
};

function withBias(emit: Emitter, x: Term, bias: Term | null): Term {
  return bias === null ? x : emit.add(x, bias);
}

/** How many states, activations and gates a recurrence has, and where it takes more than its first state from. */
interface Kind {
  readonly step: Step;
  readonly gates: number;
  readonly activations: readonly string[];
  /** Inputs of the initial states. */
  readonly initial: readonly number[];
  readonly peepholes?: number;
}

/** The operator's definition (github.com/onnx/onnx, docs/Operators.md), step by step over the known length. */
const recurrence =
  (kind: Kind): Lowering =>
  (context) => {
    const { node, emit } = context;
    const [x, w, r] = [context.input(0), context.input(1), context.input(2)];
    if (x === null || w === null || r === null) return 'its inputs are of unknown size';
    const reason = uncovered(context, x);
    if (reason !== null) return reason;
    const names = activationsOf(node, kind);
    const direction = textOf(node, 'direction', 'forward');
    const count = w.shape[0] ?? 1;
    if (names.some((name) => !PLAIN.has(name))) return `its activations are ${names.join(', ')}`;
    const runs = Array.from({ length: count }, (_, d) => {
      const part = directionOf(context, kind, names, d, x, w, r);
      const start = kind.initial.map((slot) => initialState(context, slot, d, x, r));
      return unrolled(kind.step, part, start, direction === 'reverse' || d === 1);
    });
    const [batch = 1, hidden = 1] = [x.shape[1], r.shape[2]];
    const whole = runs.map(({ steps }) =>
      emit.concat(
        steps.map((step) => emit.reshape(step, [1, 1, batch, hidden])),
        0,
      ),
    );
    const last = kind.initial.map((_, state) =>
      emit.concat(
        runs.flatMap(({ states }) => {
          const own = states[state];
          return own ? [emit.reshape(own, [1, batch, hidden])] : [];
        }),
        0,
      ),
    );
    return [emit.concat(whole, 1), ...last];
  };

const PLAIN = new Set(['Sigmoid', 'Tanh', 'Relu']);

function uncovered({ node, constant }: LoweringContext, x: Term): string | null {
  const [steps = 0] = x.shape;
  if (steps > MOST_STEPS)
    return `it has ${String(steps)} steps, and more than ${String(MOST_STEPS)} are not unrolled`;
  if (steps === 0) return 'it has no step';
  if (intOf(node, 'layout', 0) !== 0) return 'its batch comes first';
  if (node.attributes.has('clip')) return 'it clips its sums';
  if (intOf(node, 'input_forget', 0) !== 0) return 'its input and forget gates are one';
  const lengths = (node.inputs[4] ?? '') === '' ? [] : constant(4);
  return lengths?.every((length) => length === steps) === true
    ? null
    : 'its sequences have lengths of their own';
}

function activationsOf(node: OnnxNode, { activations }: Kind): readonly string[] {
  const given = node.attributes.get('activations');
  if (given?.kind === 'strings') return given.value;
  return textOf(node, 'direction', 'forward') === 'bidirectional'
    ? [...activations, ...activations]
    : activations;
}

function directionOf(
  context: LoweringContext,
  kind: Kind,
  names: readonly string[],
  d: number,
  x: Term,
  w: Term,
  r: Term,
): Direction {
  const { emit, node } = context;
  const [steps = 1, batch = 1, size = 1] = x.shape;
  const hidden = r.shape[2] ?? 1;
  const wide = kind.gates * hidden;
  const own = (term: Term): Term => emit.reshape(emit.slice(term, [d], [d + 1], [0]), term.shape.slice(1));
  const b = context.input(3);
  const [inputBias, recurrentBias] = b === null ? [] : emit.split(own(b), [wide, wide], 0);
  const rows = emit.reshape(x, [steps * batch, size]);
  const products = withBias(emit, emit.matmul(rows, emit.transposeMatrix(own(w))), inputBias ?? null);
  const apart = emit.split(emit.reshape(products, [steps, batch, wide]), Array<number>(steps).fill(1), 0);
  const each = kind.activations.length;
  const p = kind.peepholes === undefined ? null : context.input(kind.peepholes);
  return {
    emit,
    node,
    hidden,
    activations: names.slice(d * each, (d + 1) * each).map((op) => (term) => emit.map(op, term)),
    projected: apart.map((part) => emit.reshape(part, [batch, wide])),
    recurrent: emit.transposeMatrix(own(r)),
    recurrentBias: recurrentBias ?? null,
    peepholes: p === null ? null : own(p),
  };
}

function initialState({ emit, input }: LoweringContext, slot: number, d: number, x: Term, r: Term): Term {
  const shape = [x.shape[1] ?? 1, r.shape[2] ?? 1];
  const given = input(slot);
  return given === null
    ? emit.zeros(x.type, shape)
    : emit.reshape(emit.slice(given, [d], [d + 1], [0]), shape);
}

/** The hidden units of every step, in the order of the sequence, and the states after the last one. */
function unrolled(
  step: Step,
  direction: Direction,
  start: States,
  backwards: boolean,
): { readonly steps: readonly Term[]; readonly states: States } {
  let states = start;
  const ordered = backwards ? [...direction.projected].reverse() : direction.projected;
  const found = ordered.flatMap((projected) => {
    states = step(direction, projected, states);
    return states.slice(0, 1);
  });
  return { steps: backwards ? found.reverse() : found, states };
}

/** Recurrent layers. */
export const recurrences: LoweringFamily = {
  RNN: recurrence({ step: rnnStep, gates: 1, activations: ['Tanh'], initial: [5] }),
  GRU: recurrence({ step: gruStep, gates: 3, activations: ['Sigmoid', 'Tanh'], initial: [5] }),
  LSTM: recurrence({
    step: lstmStep,
    gates: 4,
    activations: ['Sigmoid', 'Tanh', 'Tanh'],
    initial: [5, 6],
    peepholes: 7,
  }),
};
