import { floatOf, intOf } from '../attributes';
import { sizeOf, type Emitter, type Term } from './emitter';
import type { Rule, RuleContext, RuleFamily } from './rule';

/** Gradients of `A·B` over broadcast leading axes: `dA = dY·Bᵀ`, `dB = Aᵀ·dY`. */
const matmul: Rule = (context) => {
  const { emit } = context;
  const [dy, a, b] = [context.gradient(0), context.input(0), context.input(1)];
  if (dy === null || a === null || b === null) return [null, null];
  // Vectors are rows on the left and columns on the right.
  const left = a.shape.length === 1 ? emit.reshape(a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? emit.reshape(b, [...b.shape, 1]) : b;
  const lead = dy.shape.slice(
    0,
    dy.shape.length - (a.shape.length > 1 ? 1 : 0) - (b.shape.length > 1 ? 1 : 0),
  );
  const full = emit.reshape(dy, [...lead, left.shape.at(-2) ?? 1, right.shape.at(-1) ?? 1]);
  return [
    context.wants(0) ? leftGradient(emit, full, left, right, a) : null,
    context.wants(1) ? rightGradient(emit, full, left, right, b) : null,
  ];
};

function leftGradient(emit: Emitter, dy: Term, left: Term, right: Term, a: Term): Term {
  const gradient = emit.matmul(dy, emit.transposeMatrix(right));
  return emit.reshape(emit.sumTo(gradient, left.shape), a.shape);
}

/** A matrix on the right is the weight of a layer: all rows of the batch in one product. */
function rightGradient(emit: Emitter, dy: Term, left: Term, right: Term, b: Term): Term {
  if (right.shape.length === 2 && left.shape.length > 2) {
    const [inner = 1, columns = 1] = right.shape;
    const rows = sizeOf(left.shape) / Math.max(1, inner);
    const flat = emit.transposeMatrix(emit.reshape(left, [rows, inner]));
    return emit.reshape(emit.matmul(flat, emit.reshape(dy, [rows, columns])), b.shape);
  }
  const gradient = emit.matmul(emit.transposeMatrix(left), dy);
  return emit.reshape(emit.sumTo(gradient, right.shape), b.shape);
}

/** `Y = α A′·B′ + β C`, with A′ and B′ transposed where the node says so. */
const gemm: Rule = (context) => {
  const { emit, node } = context;
  const [dy, a, b, c] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || a === null || b === null) return [null, null, null];
  const alpha = floatOf(node, 'alpha', 1);
  const [turnedA, turnedB] = [intOf(node, 'transA', 0) !== 0, intOf(node, 'transB', 0) !== 0];
  const t = (x: Term): Term => emit.transposeMatrix(x);
  const scaled = emit.scale(dy, alpha);
  const left = (): Term => {
    const whole = turnedB ? b : t(b);
    return turnedA ? emit.matmul(t(whole), t(scaled)) : emit.matmul(scaled, whole);
  };
  const right = (): Term => {
    const whole = turnedA ? a : t(a);
    return turnedB ? emit.matmul(t(scaled), t(whole)) : emit.matmul(whole, scaled);
  };
  return [
    context.wants(0) ? left() : null,
    context.wants(1) ? right() : null,
    c !== null && context.wants(2) ? emit.sumTo(emit.scale(dy, floatOf(node, 'beta', 1)), c.shape) : null,
  ];
};

/** `α A′·B′` where transA and transB exchange the last two axes (com.microsoft). */
const fusedMatmul: Rule = (context: RuleContext) => {
  const { node, emit } = context;
  if (intOf(node, 'transBatchA', 0) !== 0 || intOf(node, 'transBatchB', 0) !== 0) {
    return 'it exchanges batch axes';
  }
  const turn = (slot: number, name: string): Term | null => {
    const x = context.input(slot);
    return x !== null && intOf(node, name, 0) !== 0 ? emit.transposeMatrix(x) : x;
  };
  const dy = context.gradient(0);
  const inner: RuleContext = {
    ...context,
    emit,
    input: (slot) => turn(slot, slot === 0 ? 'transA' : 'transB'),
    gradient: () => dy && emit.scale(dy, floatOf(node, 'alpha', 1)),
    output: (slot) => context.output(slot),
    wants: (slot) => context.wants(slot),
  };
  const gradients = matmul(inner);
  if (typeof gradients === 'string') return gradients;
  return gradients.map((gradient, slot) => {
    const turned = intOf(node, slot === 0 ? 'transA' : 'transB', 0) !== 0;
    return gradient && (turned ? emit.transposeMatrix(gradient) : gradient);
  });
};

/** Products of matrices. */
export const matrixProducts: RuleFamily = {
  MatMul: matmul,
  Gemm: gemm,
  'com.microsoft.FusedMatMul': fusedMatmul,
};
