import type { TensorEntry } from '../format/checkpoint';
import { positionOf } from '../model/tensor-position';
import type { Note } from '../protocol/artifact';
import type { Finding } from '../protocol/finding';
import type { Moments } from '../tensor/pass';
import type { SummarisedCheckpoint } from './summary-artifacts';
import { wholeText } from './wording';

/** More lines or findings than this help nobody; the rest is counted. */
const LIMIT = 50;
const POSITIONS_SHOWN = 3;

interface NonFinite {
  readonly checkpoint: string;
  readonly path: string;
  readonly entry: TensorEntry;
  readonly moments: Moments;
}

/** Names the tensors that hold NaN or ±Inf, with the first positions; `null` where all is finite. */
export function nonFiniteNote(checkpoints: readonly SummarisedCheckpoint[]): Note | null {
  const found = nonFiniteTensors(checkpoints);
  if (found.length === 0) return null;
  const lines = found
    .slice(0, LIMIT)
    .map((each) => `${each.checkpoint}: ${each.entry.name}: ${countsText(each)}.`);
  if (found.length > LIMIT) lines.push(`${wholeText(found.length - LIMIT)} more tensors are not shown.`);
  return {
    kind: 'note',
    id: 'non-finite',
    title: `${wholeText(found.length)} ${found.length === 1 ? 'tensor holds' : 'tensors hold'} NaN or infinities`,
    severity: 'warning',
    text: lines.join('\n'),
  };
}

/** One finding per tensor with NaN (`tensor-nan`) or else ±Inf (`tensor-infinite`). */
export function nonFiniteFindings(checkpoints: readonly SummarisedCheckpoint[]): Finding[] {
  return nonFiniteTensors(checkpoints)
    .slice(0, LIMIT)
    .map((each) => ({
      code: each.moments.nan > 0 ? 'tensor-nan' : 'tensor-infinite',
      severity: each.moments.nan > 0 ? 'error' : 'warning',
      path: each.entry.span.path,
      at: each.entry.name,
      message: `${each.checkpoint}: ${each.entry.name} holds ${countsText(each)}.`,
      help: 'Go back to an earlier checkpoint, or convert again with bfloat16 or float32.',
    }));
}

function nonFiniteTensors(checkpoints: readonly SummarisedCheckpoint[]): NonFinite[] {
  return checkpoints.flatMap(({ name, path, tensors, moments }) =>
    tensors.flatMap(({ entry }) => {
      const own = moments.get(entry);
      return own && own.nan + own.inf > 0 ? [{ checkpoint: name, path, entry, moments: own }] : [];
    }),
  );
}

function countsText({ entry, moments }: NonFinite): string {
  const counts = [
    ...(moments.nan > 0 ? [`${wholeText(moments.nan)} NaN`] : []),
    ...(moments.inf > 0 ? [`${wholeText(moments.inf)} ±Inf`] : []),
  ];
  const first = moments.nonFinite
    .slice(0, POSITIONS_SHOWN)
    .map(({ index, value }) => `${value} at [${positionOf(index, entry.span.shape).join(', ')}]`);
  return `${counts.join(' and ')} of ${wholeText(moments.count)} entries, first ${first.join(', ')}`;
}
