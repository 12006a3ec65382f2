import type { Note } from '../protocol/artifact';
import { randomOverlap, rowSpaceOverlap } from './kv-figures';
import { plansOf, PROJECTIONS, type KeyValueCaptions, type KeyValueModel } from './kv-models';
import { bytesText, percent, wholeText } from './wording';

/** Below it pooling loses little enough to try without much training. */
const LITTLE = 0.2;

/** What the cache takes, how it could shrink, and which neighbouring layers are alike. */
export function recommendation(models: readonly KeyValueModel[], options: KeyValueCaptions): Note {
  const lines = models.flatMap((model) => [poolingText(model, options), neighbourText(model)]);
  return {
    kind: 'note',
    id: 'recommendation',
    title: 'How the cache could shrink',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: alike weights are neither needed nor enough for alike keys and values. Fewer heads and shared layers want further training (GQA needs about 5 % of pre-training); measure on your data before you ship it.',
    ].join('\n'),
  };
}

function poolingText(model: KeyValueModel, { tokens, bytes }: KeyValueCaptions): string {
  const { name, blocks, figures } = model;
  const plans = plansOf(model);
  const half = plans[1];
  const now = (plans[0]?.entriesPerToken ?? 0) * bytes * tokens;
  if (blocks.every(({ keyValueHeads }) => keyValueHeads === 1)) {
    return `${name}: it has one key-value head a layer already; the cache takes ${bytesText(now)} for ${wholeText(tokens)} tokens.`;
  }
  const lost = blocks.flatMap(({ label }, index) => {
    const own = figures[index];
    const [key, value] = [own?.key.pooling[0], own?.value.pooling[0]];
    if (!key || !value) return [];
    const worst = Math.max(key.aligned ?? key.residual ?? 1, value.aligned ?? value.residual ?? 1);
    return [{ label, worst }];
  });
  const good = lost.filter(({ worst }) => worst <= LITTLE);
  const saved = half ? now - half.entriesPerToken * bytes * tokens : 0;
  const least = lost.reduce((best, { worst }) => Math.min(best, worst), 1);
  const advice =
    good.length === lost.length && lost.length > 0
      ? 'every layer loses little: try it.'
      : good.length > 0
        ? `only ${good.map(({ label }) => label).join(', ')} would lose at most ${percent(LITTLE)} of the weights' energy: halve it there.`
        : `every layer would lose at least ${percent(least)} of the weights' energy: not without training.`;
  return `${name}: the cache takes ${bytesText(now)} for ${wholeText(tokens)} tokens; ${half?.plan ?? 'fewer heads'} would save ${bytesText(saved)}, and ${advice}`;
}

function neighbourText({ name, blocks, figures }: KeyValueModel): string {
  const pairs = figures.flatMap((own, index) => {
    const next = figures[index + 1];
    if (!own || !next) return [];
    const excess = PROJECTIONS.map(({ name: projection }) => {
      const [a, b] = [own[projection].space, next[projection].space];
      return (rowSpaceOverlap(a, b) ?? 0) - randomOverlap(a, b);
    });
    const label = `${blocks[index]?.label ?? ''} and ${blocks[index + 1]?.label ?? ''}`;
    return [{ label, excess: Math.min(...excess) }];
  });
  const best = pairs.sort((a, b) => b.excess - a.excess)[0];
  if (!best) return `${name}: there are no neighbouring layers to share a cache.`;
  const much =
    best.excess >= 0.3 ? 'candidates for sharing one cache' : 'too little to share a cache without training';
  return `${name}: the neighbours most alike are ${best.label} (${best.excess.toFixed(2)} above random spaces): ${much}.`;
}
