import { text, textOf } from '../attributes';
import type { Emitter, Term } from './emitter';
import type { Rule, RuleContext, RuleFamily } from './rule';

/** The letters of each operand and of the result, ellipses written out. */
interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

const SPARE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Reads `ab,bc->ac`; `null` where an operand repeats a letter or the ranks do not fit. */
function parse(equation: string, ranks: readonly number[]): Equation | null {
  const [left = '', right] = equation.replace(/\s/g, '').split('->');
  const terms = left.split(',');
  const spare = [...SPARE].filter((letter) => !equation.includes(letter));
  const width = Math.max(
    0,
    ...terms.map((term, i) => (term.includes('...') ? (ranks[i] ?? 0) - (term.length - 3) : 0)),
  );
  const ellipsis = spare.slice(0, width).join('');
  const written = terms.map((term, i) => {
    const rank = (ranks[i] ?? 0) - (term.length - 3);
    return term.replace('...', rank === 0 ? '' : ellipsis.slice(-rank));
  });
  const letters = [...left].filter((letter) => /[A-Za-z]/.test(letter));
  const implicit =
    ellipsis +
    [...new Set(letters)]
      .filter((one) => letters.indexOf(one) === letters.lastIndexOf(one))
      .sort()
      .join('');
  const result = right === undefined ? implicit : right.replace('...', ellipsis);
  const repeats = [...written, result].some((term) => new Set(term).size !== term.length);
  const fits = written.every((term, i) => term.length === ranks[i]);
  return repeats || !fits ? null : { operands: written, result };
}

/** The gradient of an operand is the product of dy with the other operands, over the letters that it lacks. */
function operandGradient(
  emit: Emitter,
  dy: Term,
  terms: readonly Term[],
  equation: Equation,
  slot: number,
): Term {
  const own = equation.operands[slot] ?? '';
  const x = terms[slot];
  const others = terms.filter((_, i) => i !== slot);
  const labels = [equation.result, ...equation.operands.filter((_, i) => i !== slot)];
  const sizes = new Map<string, number>();
  for (const [i, label] of labels.entries()) {
    const shape = i === 0 ? dy.shape : (others[i - 1]?.shape ?? []);
    for (const [axis, letter] of [...label].entries()) {
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shape[axis] ?? 1));
    }
  }
  // A letter that is nowhere else was summed over: every entry along it has the same gradient.
  const found = [...own].filter((letter) => sizes.has(letter));
  const shape = found.map((letter) => sizes.get(letter) ?? 1);
  const product = emit.apply('Einsum', [dy, ...others], shape, {
    equation: text(`${labels.join(',')}->${found.join('')}`),
  });
  const target = x?.shape ?? [];
  const kept = [...own].map((letter) => sizes.get(letter) ?? 1);
  const aligned = emit.reshape(product, kept);
  const summed = emit.sumTo(
    aligned,
    target.map((size, i) => (size === 1 ? 1 : (kept[i] ?? 1))),
  );
  return emit.expand(summed, target);
}

const einsum: Rule = (context: RuleContext) => {
  const { emit, node } = context;
  const dy = context.gradient(0);
  const terms = node.inputs.flatMap((_, slot) => context.input(slot) ?? []);
  if (dy === null || terms.length !== node.inputs.length) return node.inputs.map(() => null);
  const text = textOf(node, 'equation', '');
  const equation = parse(
    text,
    terms.map(({ shape }) => shape.length),
  );
  if (equation === null) return `its equation ${text} takes a diagonal`;
  return terms.map((_, slot) =>
    context.wants(slot) ? operandGradient(emit, dy, terms, equation, slot) : null,
  );
};

/** Sums of products by index. */
export const einsums: RuleFamily = { Einsum: einsum };
