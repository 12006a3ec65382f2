import { formatBytes, formatCount, formatShape } from '../../src/figure/number-text';
import type { CheckpointView, TensorDetail } from '../../src/protocol/checkpoint';
import type { Result } from '../../src/protocol/result';
import { element, icon, iconButton } from '../dom';
import { statisticsView } from '../tensor-statistics';

/** The pane beside the table for one tensor: what the directory says at once, statistics when they come. */
export interface TensorPane {
  readonly element: HTMLElement;
  answer(detail: Result<TensorDetail>): void;
}

/** Makes the pane of the tensor at that index. */
export function createTensorPane(view: CheckpointView, index: number, close: () => void): TensorPane {
  const { tensors } = view;
  const name = tensors.name[index] ?? '';
  const statistics = element('div', { class: 'tensor-statistics' }, reading());
  const file = view.files[tensors.file[index] ?? 0]?.path ?? view.path;
  const facts = element('dl', { class: 'figures' });
  for (const [title, text] of [
    ['dtype', tensors.dtype[index] ?? ''],
    ['shape', formatShape(tensors.shape[index] ?? [])],
    ['parameters', formatCount(tensors.parameters[index] ?? 0)],
    ['size', formatBytes(tensors.bytes[index] ?? 0)],
    ['layer', tensors.layer[index] ?? ''],
    ['module', tensors.module[index] ?? ''],
  ] as const) {
    const wide = title === 'layer' ? { class: 'wide' } : {};
    facts.append(element('div', wide, element('dt', { text: title }), element('dd', { text, title: text })));
  }
  const pane = element(
    'aside',
    { class: 'tensor-pane', attributes: { 'aria-label': `Tensor ${name}` } },
    element(
      'header',
      {},
      element('h3', { class: 'tensor-name', text: name }),
      iconButton('close', 'Close (Escape)', close),
    ),
    facts,
    statistics,
    element('p', { class: 'muted path', text: `${file} at byte ${formatCount(tensors.offset[index] ?? 0)}` }),
  );
  return {
    element: pane,
    answer(detail) {
      statistics.replaceChildren(...(detail.ok ? answered(detail.value) : [problem(detail.problem)]));
    },
  };
}

function reading(): HTMLElement {
  return element('p', { class: 'muted' }, icon('loading', 'codicon-modifier-spin'), ' Reading …');
}

function answered(detail: TensorDetail): HTMLElement[] {
  const own = statisticsView('Values', 'value', detail.statistics);
  const delta = detail.delta ? [statisticsView('Task vector τ', 'τ', detail.delta)] : [];
  return [own, ...delta, ...storedAs(detail.storage ?? [])];
}

/** The tensors that a quantised weight is stored as. */
function storedAs(storage: readonly string[]): HTMLElement[] {
  if (storage.length === 0) return [];
  const lines = storage.map((text) => element('li', { class: 'path', text }));
  return [element('h4', { text: 'Stored as' }), element('ul', { class: 'muted' }, ...lines)];
}

function problem({ message, action }: { readonly message: string; readonly action: string }): HTMLElement {
  const text = element(
    'div',
    {},
    element('div', { text: message }),
    element('div', { class: 'muted', text: action }),
  );
  return element('div', { class: 'finding error', attributes: { role: 'alert' } }, icon('error'), text);
}
