import type { TensorEntry } from '../format/checkpoint';
import type { Hypernetwork } from '../model/hypernetworks';
import { lowRankValues } from '../tensor/linear/low-rank-svd';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { symmetricEigen } from '../tensor/linear/symmetric-eigen';
import { vectorsOf, type GeneratedAdapter } from './generated-adapters';
import { cosineOf } from './prompt-pairs';
import { spectralFigures } from './spectral-figures';

/** Cosines of the vectors of one set. */
export interface EmbeddingCosines {
  readonly title: string;
  readonly names: readonly string[];
  /** n × n. */
  readonly cosines: readonly (number | null)[];
}

/** What one generated adapter is like. */
export interface AdapterFigures {
  readonly adapter: GeneratedAdapter;
  readonly up: number;
  readonly down: number;
  /** ‖up · down‖ and its effective rank. */
  readonly norm: number;
  readonly effectiveRank: number | null;
}

export interface HypernetworkFigures {
  readonly name: string;
  readonly refusal: string | null;
  readonly sets: readonly EmbeddingCosines[];
  readonly tasks: readonly string[];
  /** Cosines of all generated weights of two tasks; tasks × tasks. Empty where none could be formed. */
  readonly generated: readonly (number | null)[];
  /** Spearman correlation of the cosines of embeddings and of adapters over pairs of tasks; `null` for fewer than three. */
  readonly agreement: number | null;
  /** exp(entropy of σ/Σσ) of all generated adapters as rows. */
  readonly effectiveRank: number | null;
  readonly adapters: readonly AdapterFigures[];
  readonly parameters: number;
  readonly generatedParameters: number;
}

/** All figures of one hypernetwork and its adapters. */
export function hypernetworkFigures(
  name: string,
  network: Hypernetwork,
  adapters: readonly GeneratedAdapter[],
  parameters: number,
  valuesOf: (entry: TensorEntry) => Float64Array,
): HypernetworkFigures {
  const sets = network.embeddings.map(({ title, names, entries, width }) => {
    const vectors = vectorsOf(entries, width, valuesOf);
    return { title, names, cosines: vectors.flatMap((x) => vectors.map((y) => cosineOf(x, y))) };
  });
  const own = sets.find(({ title }) => title === 'task');
  const tasks = own?.names ?? [];
  const whole = tasks.map((_, task) => joined(adapters.filter((each) => each.task === task)));
  const generated = adapters.length > 0 ? whole.flatMap((x) => whole.map((y) => cosineOf(x, y))) : [];
  return {
    name,
    refusal: network.refusal,
    sets,
    tasks,
    generated,
    agreement: own ? agreementOf(own.cosines, generated, tasks.length) : null,
    effectiveRank: effectiveRankOf(adapters),
    adapters: adapters.map((adapter): AdapterFigures => {
      const values = spectralFigures(lowRankValues(adapter.map).values);
      return {
        adapter,
        up: lengthOf(adapter.map.b),
        down: lengthOf(adapter.map.a),
        norm: values.norm,
        effectiveRank: values.effective_rank,
      };
    }),
    parameters,
    generatedParameters: adapters.reduce((sum, { map }) => sum + map.a.length + map.b.length, 0),
  };
}

function joined(adapters: readonly GeneratedAdapter[]): Float64Array {
  const all = new Float64Array(adapters.reduce((sum, { map }) => sum + map.a.length + map.b.length, 0));
  let at = 0;
  for (const { map } of adapters) {
    all.set(map.b, at);
    all.set(map.a, at + map.b.length);
    at += map.a.length + map.b.length;
  }
  return all;
}

const lengthOf = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Of the rows up | down of adapters of the first generator, from their Gram matrix. */
function effectiveRankOf(adapters: readonly GeneratedAdapter[]): number | null {
  const [first] = adapters;
  if (!first) return null;
  const own = adapters.filter(({ module }) => module === first.module);
  const columns = first.map.a.length + first.map.b.length;
  const rows = { rows: own.length, columns, values: joined(own) };
  const { values } = symmetricEigen(multiplyTransposed(rows, rows));
  return spectralFigures(values.map((value) => Math.sqrt(Math.max(0, value)))).effective_rank;
}

function agreementOf(
  embeddings: readonly (number | null)[],
  generated: readonly (number | null)[],
  n: number,
): number | null {
  const pairs = Array.from({ length: n * n }, (_, at) => at).filter((at) => at % n > Math.floor(at / n));
  const [x, y] = [pairs.map((at) => embeddings[at] ?? NaN), pairs.map((at) => generated[at] ?? NaN)];
  if (pairs.length < 3 || ![...x, ...y].every(Number.isFinite)) return null;
  return spearman(x, y);
}

/** Spearman's ρ, the correlation of ranks, ties at their mean rank; `null` where all of one side are equal. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  const [a, b] = [ranksOf(x), ranksOf(y)];
  const mean = (x.length - 1) / 2;
  return cosineOf(
    a.map((rank) => rank - mean),
    b.map((rank) => rank - mean),
  );
}

function ranksOf(values: readonly number[]): Float64Array {
  return Float64Array.from(values, (value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}
