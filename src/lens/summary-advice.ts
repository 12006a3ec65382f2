import type { Note } from '../protocol/artifact';
import type { Moments } from '../tensor/pass';
import type { PlacedTensor, SummarisedCheckpoint } from './summary-artifacts';
import { countText, namesText, shortNumber, wholeText } from './wording';

/**
 * An 8-bit grid over a whole tensor has 127 steps up to its largest magnitude; from this many root mean squares on, a step is a
 * quarter of one, and most entries share a few values.
 */
const OUTLIER = 32;
/** The largest finite float16. */
const FLOAT16_MOST = 65_504;
const CHECKPOINTS_SHOWN = 12;

/** What to repair, drop or convert with care in every checkpoint, with the reason and the limits. */
export function summaryAdvice(checkpoints: readonly SummarisedCheckpoint[]): Note {
  const lines = checkpoints.slice(0, CHECKPOINTS_SHOWN).map((checkpoint) => {
    const parts = adviceFor(checkpoint);
    return `${checkpoint.name}: ${parts.join('. ')}.`;
  });
  if (checkpoints.length > CHECKPOINTS_SHOWN) {
    lines.push(
      `The table "tensors" has ${wholeText(checkpoints.length - CHECKPOINTS_SHOWN)} more checkpoints.`,
    );
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to repair, and what to convert with care',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: figures of single tensors show broken or odd files, not quality: a checkpoint without a fault may still be badly trained.',
    ].join('\n'),
  };
}

interface Known extends PlacedTensor {
  readonly moments: Moments;
  readonly absMax: number;
  readonly rms: number;
}

function adviceFor({ tensors, moments }: SummarisedCheckpoint): string[] {
  const known = tensors.flatMap((tensor): Known[] => {
    const own = moments.get(tensor.entry);
    if (!own || own.count === 0) return [];
    const absMax = own.finite > 0 ? Math.max(Math.abs(own.min), Math.abs(own.max)) : 0;
    return [{ ...tensor, moments: own, absMax, rms: Math.sqrt(own.squares / Math.max(1, own.finite)) }];
  });
  if (known.length === 0) return ['no tensor has statistics, since none holds real numbers'];
  const parts = [...brokenText(known), ...zeroText(known), ...wideText(known), ...outlierText(known)];
  return parts.length > 0
    ? parts
    : [
        `nothing stands out: the ${countText(known.length, 'tensor')} ${known.length === 1 ? 'is' : 'are'} finite, none holds only zeros, and no matrix has an entry above ${String(OUTLIER)} times its root mean square`,
      ];
}

function brokenText(known: readonly Known[]): string[] {
  const broken = known.filter(({ moments }) => moments.nan + moments.inf > 0);
  if (broken.length === 0) return [];
  return [
    `repair ${namesOf(broken)} first: NaN and infinities spread to everything computed or merged from them`,
  ];
}

function zeroText(known: readonly Known[]): string[] {
  const zero = known.filter(({ moments }) => moments.finite > 0 && moments.zeros === moments.count);
  const factors = zero.filter(({ entry }) => /\blora_B\b/.test(entry.name));
  const others = zero.filter((each) => !factors.includes(each));
  return [
    ...(factors.length > 0
      ? [
          `the adapter changes nothing at ${namesOf(factors)}: its B is still zero, so leave these targets out`,
        ]
      : []),
    ...(others.length > 0
      ? [
          `${namesOf(others)} ${others.length === 1 ? 'holds' : 'hold'} only zeros: never trained or cut away; a bias may be left out, a weight wants a look`,
        ]
      : []),
  ];
}

function wideText(known: readonly Known[]): string[] {
  const wide = known.filter(({ absMax }) => absMax > FLOAT16_MOST);
  if (wide.length === 0) return [];
  return [
    `do not convert ${namesOf(wide)} to float16: entries above ${wholeText(FLOAT16_MOST)} become infinite there; take bfloat16`,
  ];
}

/** Matrices alone: gains and biases are not quantised. */
function outlierText(known: readonly Known[]): string[] {
  const far = known
    .filter(({ entry, absMax, rms }) => entry.span.shape.length > 1 && absMax > OUTLIER * rms)
    .sort((a, b) => b.absMax / b.rms - a.absMax / a.rms);
  const [first] = far;
  if (!first) return [];
  return [
    `quantise ${namesOf(far)} by rows or groups rather than whole: few entries reach ${shortNumber(first.absMax / first.rms)} times the root mean square, and one scale for all would leave the rest a few steps`,
  ];
}

function namesOf(tensors: readonly PlacedTensor[]): string {
  return namesText(
    tensors.map(({ entry }) => entry.name),
    4,
  );
}
