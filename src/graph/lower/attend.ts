import { int } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';

/** Queries, keys and values, [batch, heads, position, size] each; fewer heads of keys and values serve several of queries. */
export interface Heads {
  readonly query: Term;
  readonly key: Term;
  readonly value: Term;
}

/** How scores become probabilities. */
export interface Scoring {
  /** 1/√size where it is `null`. */
  readonly scale: number | null;
  /** Added to the scores. */
  readonly biases: readonly (Term | null)[];
  /** Keys from this many positions after the query's on are hidden; `null` hides none. */
  readonly hiddenFrom: number | null;
  /** Scores are squashed into ± this; 0 for none. */
  readonly softcap: number;
}

/** `softmax(s Q Kᵀ + bias) V`, with heads side by side: [batch, position, heads · size]. */
export function attend(emit: Emitter, { query, key, value }: Heads, scoring: Scoring): Term {
  const [batch = 1, heads = 1, positions = 1, size = 1] = query.shape;
  const keys = repeated(emit, key, heads);
  const values = repeated(emit, value, heads);
  const scale = scoring.scale ?? 1 / Math.sqrt(size);
  let scores = emit.scale(emit.matmul(query, emit.transposeMatrix(keys)), scale);
  if (scoring.softcap !== 0) {
    scores = emit.scale(emit.map('Tanh', emit.scale(scores, 1 / scoring.softcap)), scoring.softcap);
  }
  for (const bias of scoring.biases) if (bias !== null) scores = emit.add(scores, bias);
  if (scoring.hiddenFrom !== null) scores = emit.add(scores, future(emit, scores, scoring.hiddenFrom));
  const probabilities = emit.apply('Softmax', [scores], scores.shape, { axis: int(-1) });
  const attended = emit.transpose(emit.matmul(probabilities, values), [0, 2, 1, 3]);
  return emit.reshape(attended, [batch, positions, heads * (values.shape[3] ?? 1)]);
}

/** [batch, position, heads · size] as [batch, heads, position, size]. */
export function split(emit: Emitter, x: Term, heads: number): Term {
  const [batch = 1, positions = 1, width = 1] = x.shape;
  return emit.transpose(emit.reshape(x, [batch, positions, heads, width / heads]), [0, 2, 1, 3]);
}

/** Every head as often as queries share it. */
function repeated(emit: Emitter, x: Term, heads: number): Term {
  const [batch = 1, own = 1, positions = 1, size = 1] = x.shape;
  if (own === heads) return x;
  const wide = emit.expand(emit.reshape(x, [batch, own, 1, positions, size]), [
    batch,
    own,
    heads / own,
    positions,
    size,
  ]);
  return emit.reshape(wide, [batch, heads, positions, size]);
}

/** A large negative number for keys `from` positions after the query and later, else 0; [queries, keys]. */
function future(emit: Emitter, scores: Term, from: number): Term {
  const square = scores.shape.slice(-2);
  const lowest = emit.expand(emit.scalar(scores, -3e38), square);
  const diagonal = { name: emit.draft.constant('int64', [], [from]), shape: [], type: 'int64' as const };
  return emit.apply('Trilu', [lowest, diagonal], square, { upper: int(1) });
}

/** 0 where a condition holds, else `otherwise`: to be added to scores. */
export function penalty(emit: Emitter, condition: Term, like: Term, otherwise: number): Term {
  return emit.where(condition, emit.scalar(like, 0), emit.scalar(like, otherwise));
}
