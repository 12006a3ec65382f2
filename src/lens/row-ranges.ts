import type { AxisEntry } from '../protocol/artifact';

const NUMBERED = /^(.*) (\d+)$/;

/**
 * Heatmap rows in a sentence, runs of neighbouring layers as a range: `layers 0–3, layer 7 and output`. `chosen` are
 * indices into `rows`, ascending.
 */
export function rowRanges(rows: readonly AxisEntry[], chosen: readonly number[]): string {
  const runs: number[][] = [];
  for (const at of chosen) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (
      run &&
      before === at - 1 &&
      wordOf(rows[before]) !== null &&
      wordOf(rows[before]) === wordOf(rows[at])
    )
      run.push(at);
    else runs.push([at]);
  }
  const texts = runs.map((run) => runText(rows, run));
  const last = texts.pop() ?? '';
  return texts.length > 0 ? `${texts.join(', ')} and ${last}` : last;
}

function runText(rows: readonly AxisEntry[], run: readonly number[]): string {
  const first = rows[run[0] ?? 0]?.label ?? '';
  const last = rows[run.at(-1) ?? 0]?.label ?? '';
  if (run.length === 1) return first;
  const [, word = ''] = NUMBERED.exec(first) ?? [];
  const [, , from = ''] = NUMBERED.exec(first) ?? [];
  const [, , to = ''] = NUMBERED.exec(last) ?? [];
  return `${word}s ${from}–${to}`;
}

function wordOf(row: AxisEntry | undefined): string | null {
  return NUMBERED.exec(row?.label ?? '')?.[1] ?? null;
}
