import type { AttentionBlock } from '../model/attention';

/** One way of storing keys and values. */
export interface CachePlan {
  readonly plan: string;
  /** Numbers stored per token. */
  readonly entriesPerToken: number;
  /** Of what the model stores as it is. */
  readonly share: number;
}

/**
 * What a key-value cache holds for each token: Σ over layers of key-value heads · (size of key + size of value), as it is,
 * with fewer key-value heads (GQA, MQA), with two neighbouring layers sharing one cache (CLA2), and with one latent vector
 * a layer of the given sizes.
 */
export function cachePlans(blocks: readonly AttentionBlock[], latent: readonly number[] | null): CachePlan[] {
  const stored = (headsOf: (block: AttentionBlock) => number, every = 1) =>
    blocks.reduce(
      (sum, block, index) =>
        index % every === 0 ? sum + headsOf(block) * (block.key.size + block.value.size) : sum,
      0,
    );
  const own = stored(({ keyValueHeads }) => keyValueHeads);
  const heads = [...new Set(blocks.map(({ keyValueHeads }) => keyValueHeads))];
  const most = Math.max(1, ...heads);
  const fewer = heads.length === 1 ? divisorsBelow(most) : [1];
  const plans: [string, number][] = [
    ['as it is', own],
    ...fewer.map((count): [string, number] => [
      count === 1 ? 'one key-value head (MQA)' : `${String(count)} key-value heads (GQA)`,
      stored(() => count),
    ]),
    ['two layers share (CLA2)', stored(({ keyValueHeads }) => keyValueHeads, 2)],
    ['one key-value head, two layers share (MQA + CLA2)', stored(() => 1, 2)],
    ...(latent
      ? [['latent vector a layer', latent.reduce((sum, size) => sum + size, 0)] as [string, number]]
      : []),
  ];
  return plans.map(([plan, entriesPerToken]) => ({
    plan,
    entriesPerToken,
    share: own > 0 ? entriesPerToken / own : 1,
  }));
}

/** Divisors of n other than n, descending. */
export function divisorsBelow(n: number): number[] {
  return Array.from({ length: Math.max(0, n - 1) }, (_, index) => n - 1 - index).filter((d) => n % d === 0);
}
