import { drawHistogram } from '../src/figure/histogram-figure';
import { formatCount, formatNumber, formatShare, fullNumber } from '../src/figure/number-text';
import { drawingToShape } from '../src/figure/svg';
import type { TensorStatistics } from '../src/protocol/checkpoint';
import { element, icon, mountShape, toggle } from './dom';
import { themePalette } from './theme';

/** Statistics of a tensor, or of a task vector's entry: figures, where it is not finite, and a histogram. */
export function statisticsView(title: string, unit: string, statistics: TensorStatistics): HTMLElement {
  return element(
    'section',
    { class: 'statistics' },
    element('h4', { text: title }),
    figures(statistics),
    nonFinite(statistics),
    histogramView(title, unit, statistics),
  );
}

function figures(statistics: TensorStatistics): HTMLElement {
  const entries: readonly (readonly [string, number | null])[] = [
    ['mean', statistics.mean],
    ['std', statistics.std],
    ['min', statistics.min],
    ['max', statistics.max],
    ['norm', statistics.l2],
    ['max |x|', statistics.absmax],
  ];
  const list = element('dl', { class: 'figures' });
  for (const [name, value] of entries) {
    list.append(
      element(
        'div',
        {},
        element('dt', { text: name }),
        element('dd', { text: formatNumber(value), title: fullNumber(value) }),
      ),
    );
  }
  const share = statistics.count > 0 ? ` (${formatShare(statistics.zeros / statistics.count)})` : '';
  list.append(
    element(
      'div',
      {},
      element('dt', { text: 'values' }),
      element('dd', { text: formatCount(statistics.count) }),
    ),
    element(
      'div',
      {},
      element('dt', { text: 'zeros' }),
      element('dd', { text: formatCount(statistics.zeros) + share }),
    ),
  );
  return list;
}

function nonFinite(statistics: TensorStatistics): HTMLElement | null {
  const { nan, inf } = statistics;
  if (nan + inf === 0) return null;
  const places = statistics.nonFinite.map((entry) => `${entry.value} at [${entry.position.join(', ')}]`);
  const more = nan + inf - places.length;
  return element(
    'div',
    { class: 'finding error' },
    icon('error'),
    element(
      'div',
      {},
      element('div', { text: `${formatCount(nan)} NaN, ${formatCount(inf)} ±Inf` }),
      element('div', {
        class: 'muted',
        text: places.join(' · ') + (more > 0 ? ` · ${formatCount(more)} more` : ''),
      }),
    ),
  );
}

function histogramView(title: string, unit: string, statistics: TensorStatistics): HTMLElement {
  const { histogram } = statistics;
  if (!histogram || histogram.counts.length === 0) {
    return element('p', { class: 'muted', text: 'No histogram: there is no finite value.' });
  }
  const holder = element('div', { class: 'histogram' });
  const draw = (logarithmic: boolean) => {
    const palette = themePalette();
    const drawing = drawHistogram(
      { kind: 'histogram', id: 'values', title: `Histogram: ${title}`, unit, ...histogram },
      { palette, logarithmic, bare: true, width: 320, height: 170 },
    );
    const change = toggle('Log counts', logarithmic, draw, { title: 'Bar height: log of 1 + count' });
    holder.replaceChildren(mountShape(drawingToShape(drawing, palette, false)), change);
  };
  draw(false);
  return holder;
}
