import type { Note } from '../protocol/artifact';
import type { DrawnLayer } from './expert-artifacts';
import type { ExpertFigures } from './expert-figures';
import { namesText, shortNumber, wholeText } from './wording';

/** Experts above this cosine do nearly the same. */
const NEARLY_SAME = 0.95;
/** Two router rows at a smaller angle than 18° rank tokens almost alike. */
const SAME_ROUTE = 0.95;
const MODELS_SHOWN = 12;

/** What to merge, keep and store of the experts of every model, with the reason and the limits. */
export function expertAdvice(layers: readonly DrawnLayer[]): Note {
  const names = [...new Set(layers.map(({ model }) => model.name))];
  const lines = names.slice(0, MODELS_SHOWN).map((name) => {
    const own = layers.filter(({ model }) => model.name === name);
    const parts = [sameText(own), ...routerText(own), ...movedText(own)];
    return `${name}: ${parts.join('. ')}.`;
  });
  if (names.length > MODELS_SHOWN) {
    lines.push(`The table "experts" has ${wholeText(names.length - MODELS_SHOWN)} more models.`);
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'Which experts to merge, keep or share',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: weights do not show how often an expert is picked, nor for what. Count the tokens of each expert on your own data, and check the loss, before one is merged or removed.',
    ].join('\n'),
  };
}

interface Pair {
  /** `layer 0: expert 1 and expert 2` */
  readonly text: string;
  readonly cosine: number;
}

/** Near-duplicates, or how far the two experts that are most alike are from being one. */
function sameText(layers: readonly DrawnLayer[]): string {
  const pairs = closestPairs(layers, ({ nearestMatched, nearest }) => nearestMatched ?? nearest);
  const same = pairs.filter(({ cosine }) => cosine > NEARLY_SAME);
  if (same.length > 0) {
    const texts = same.map(({ text, cosine }) => `${text} (cosine ${shortNumber(cosine)})`);
    return `merge what does nearly the same, together with the router rows: ${namesText(texts, 6, '; ')}`;
  }
  const [closest] = pairs;
  if (!closest) return 'no two experts can be compared';
  const stored = layers.some(({ matched }) => matched === null)
    ? ', though in layers with hidden units that were not matched another order may hide it'
    : '';
  return `keep the experts apart: even the two most alike (${closest.text}) have a cosine of ${shortNumber(closest.cosine)}, so one is no stand-in for the other${stored}`;
}

/** Experts that the router can hardly tell apart. */
function routerText(layers: readonly DrawnLayer[]): string[] {
  const close = closestPairs(layers, ({ nearestRouter }) => nearestRouter).filter(
    ({ cosine }) => cosine > SAME_ROUTE,
  );
  if (close.length === 0) return [];
  const texts = close.map(({ text, cosine }) => `${text} (${shortNumber(cosine)})`);
  return [
    `The router rows of ${namesText(texts, 6, '; ')} point almost the same way, so they compete for the same tokens: train on with a loss that balances the load, or merge them`,
  ];
}

/** Which experts a fine-tune changed; nothing for the base. */
function movedText(layers: readonly DrawnLayer[]): string[] {
  const moved = layers.flatMap(({ layer, figures }) =>
    figures.flatMap(({ label, change }) =>
      change === null ? [] : [{ text: `${label} of ${layer.label}`, change }],
    ),
  );
  const [first, ...rest] = moved.sort((a, b) => b.change - a.change);
  if (!first) return [];
  const still = moved.filter(({ change }) => change === 0).length;
  if (still === moved.length) return ['No expert differs from the base’s: store them once'];
  const [all, last] = [wholeText(moved.length), rest.at(-1)];
  if (still > 0) return [`${wholeText(still)} of ${all} experts are the base’s: store them once`];
  const least = last ? `, ${last.text} the least (${shortNumber(last.change)})` : '';
  return [
    `The fine-tune changed every expert, ${first.text} the most (‖τ‖/‖θ₀‖ ${shortNumber(first.change)})${least}: where only some can be stored or trained again, take those that changed most`,
  ];
}

/** Every expert with the one most like it, each pair once, the closest first. */
function closestPairs(
  layers: readonly DrawnLayer[],
  neighbourOf: (figures: ExpertFigures) => { readonly label: string; readonly cosine: number } | null,
): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const { layer, figures } of layers) {
    for (const own of figures) {
      const other = neighbourOf(own);
      if (!other) continue;
      const key = [layer.label, ...[own.label, other.label].sort()].join('\n');
      const text = `${layer.label}: ${own.label} and ${other.label}`;
      if (!pairs.has(key)) pairs.set(key, { text, cosine: other.cosine });
    }
  }
  return [...pairs.values()].sort((a, b) => b.cosine - a.cosine);
}
