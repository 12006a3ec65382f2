import { formatNumber, fullNumber } from '../../src/figure/number-text';
import { element } from '../dom';
import type { PairScope } from './cell-tensors';

const MOST = 400;

/** The figure of two tasks, whole and per layer, as bars around zero; those of single tensors folded away. */
export function pairDetails(tasks: readonly [string, string], scopes: readonly PairScope[]): HTMLElement {
  if (tasks[0] === tasks[1]) {
    return element('p', {
      class: 'muted',
      text: 'This is a task beside itself.',
    });
  }
  if (scopes.length === 0) {
    return element('p', { class: 'muted', text: 'This result has no figures for this pair.' });
  }
  const layers = scopes.filter(({ isTensor }) => !isTensor);
  const tensors = scopes.filter(({ isTensor }) => isTensor);
  const list = element('div', { class: 'pair-scopes' }, ...bars(layers.length > 0 ? layers : tensors));
  if (layers.length === 0 || tensors.length === 0) return list;
  const inner = element('div', { class: 'pair-scopes' });
  const more = element(
    'details',
    {
      on: {
        toggle: () => {
          if (inner.childElementCount === 0) inner.append(...bars(tensors));
        },
      },
    },
    element('summary', { text: tensors.length === 1 ? '1 tensor' : `${String(tensors.length)} tensors` }),
    inner,
  );
  return element('div', {}, list, more);
}

function bars(scopes: readonly PairScope[]): HTMLElement[] {
  const rows = scopes.slice(0, MOST).map(({ scope, value }) => {
    const bar = element('span', { class: 'cosine-bar', attributes: { 'aria-hidden': 'true' } });
    const fill = element('span', { class: (value ?? 0) < 0 ? 'negative' : 'positive' });
    const share = Math.min(1, Math.abs(value ?? 0)) * 50;
    fill.style.width = `${String(share)}%`;
    fill.style.left = `${String((value ?? 0) < 0 ? 50 - share : 50)}%`;
    bar.append(fill);
    const text = value === null ? 'undefined' : formatNumber(value, 4);
    return element(
      'div',
      { class: 'pair-scope', title: `${scope}: ${fullNumber(value)}` },
      element('span', { class: 'pair-name', text: scope }),
      bar,
      element('span', { class: 'pair-value', text }),
    );
  });
  if (scopes.length <= MOST) return rows;
  return [
    ...rows,
    element('p', { class: 'muted', text: `${String(scopes.length - MOST)} more are in the table view.` }),
  ];
}
