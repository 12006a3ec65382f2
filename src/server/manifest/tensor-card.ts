import { bytesText, plain } from '../../lint/hover-text';
import type { TensorDetail, TensorStatistics } from '../../protocol/checkpoint';
import type { Result } from '../../protocol/result';
import { uriOfPath } from '../file-uri';

/** Bins of the histogram, a character each. */
export const CARD_BINS = 40;
const BLOCKS = '▁▂▃▄▅▆▇█';

/** What can be done with a tensor, as links that run commands of the extension; an editor that does not trust them shows their text. */
export function tensorActions(checkpoint: string, name: string, target: string | null): string {
  const uri = uriOfPath(checkpoint);
  const link = (title: string, command: string, ...given: readonly unknown[]) =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify(given))})`;
  return [
    ...(target === null ? [] : [link('Show Spectrum', 'deltalens.showSpectrum', uri, [], target)]),
    link('Inspect', 'deltalens.inspect', uri, [], name),
    link('Compare with Base…', 'deltalens.compareWithBase', uri),
  ].join(' · ');
}

/** What the line of a tensor says, with its statistics or why they are missing, in Markdown. */
export function tensorCard(
  name: string,
  facts: readonly string[],
  detail: Result<TensorDetail> | 'late',
): string {
  const [dtype = '', shape = '', parameters = '', bytes = ''] = facts;
  const values = `${Number(parameters).toLocaleString('en-US')} values`;
  const size = bytesText(Number(bytes));
  return [
    `**${plain(name)}**`,
    `${plain(dtype)} · ${plain(shape)} · ${values} · ${size}`,
    ...statisticsText(detail),
  ].join('\n\n');
}

function statisticsText(detail: Result<TensorDetail> | 'late'): readonly string[] {
  if (detail === 'late') {
    return ['Its statistics take longer than a hover may: select it in the checkpoint editor to see them.'];
  }
  if (!detail.ok) return [plain(`${detail.problem.message} ${detail.problem.action}`)];
  const { statistics } = detail.value;
  const { mean, std, min, max, zeros, nan, inf, count } = statistics;
  const odd = [
    ...(zeros > 0
      ? [`${zeros.toLocaleString('en-US')} zeros (${((100 * zeros) / count).toPrecision(2)} %)`]
      : []),
    ...(nan > 0 ? [`**${nan.toLocaleString('en-US')} NaN**`] : []),
    ...(inf > 0 ? [`**${inf.toLocaleString('en-US')} ±Inf**`] : []),
  ];
  const figures = `mean ${short(mean)} · std ${short(std)} · min ${short(min)} · max ${short(max)}`;
  return [figures, ...(odd.length > 0 ? [odd.join(' · ')] : []), ...histogramText(statistics.histogram)];
}

/** One character a bin, its height relative to the fullest; a bin that is not empty never looks like one. */
export function histogramText(histogram: TensorStatistics['histogram']): readonly string[] {
  if (!histogram || histogram.counts.length === 0) return [];
  const { edges, counts } = histogram;
  const fullest = Math.max(...counts);
  const bars = counts.map((count) => {
    if (count === 0) return ' ';
    return BLOCKS.charAt(Math.max(0, Math.ceil((count / fullest) * BLOCKS.length) - 1));
  });
  const low = short(edges[0] ?? null);
  const high = short(edges.at(-1) ?? null);
  const axis = low + high.padStart(Math.max(1, counts.length - low.length));
  return ['```text', bars.join(''), axis, '```'].join('\n').split('\n\n');
}

function short(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}
