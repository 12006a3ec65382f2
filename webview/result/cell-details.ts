import { formatCell, formatShape } from '../../src/figure/number-text';
import type { TensorDetail } from '../../src/protocol/checkpoint';
import type { Result } from '../../src/protocol/result';
import { element, icon, iconButton, textButton } from '../dom';
import { statisticsView } from '../tensor-statistics';
import type { CellTensor } from './cell-tensors';

/** What the pane can ask of its owner. */
export interface DetailActions {
  readonly ask: (task: string, tensor: string, answered: (detail: Result<TensorDetail>) => void) => void;
  readonly reveal: (task: string, tensor: string) => void;
  readonly close: () => void;
}

/** Frame of the details pane: a heading, a line below it, a close button, and whatever belongs inside. */
export function detailsPane(
  heading: string,
  line: string,
  close: () => void,
  ...inside: readonly Node[]
): HTMLElement {
  return element(
    'aside',
    {
      class: 'details',
      attributes: { 'aria-label': `Details: ${heading}`, tabindex: -1 },
    },
    element(
      'header',
      {},
      element('div', {}, element('h3', { text: heading }), element('p', { class: 'muted', text: line })),
      iconButton('close', 'Close details (Escape)', close),
    ),
    ...inside,
  );
}

/** So many tensors of a cell are read at once; of more, those that the user opens. */
const OPEN_AT_ONCE = 4;

/** The tensors behind a cell, with their figures and histograms. */
export function cellDetails(
  tensors: readonly CellTensor[],
  task: string,
  actions: DetailActions,
): HTMLElement {
  const manyTasks = new Set(tensors.map((tensor) => tensor.task)).size > 1;
  const items = tensors.map((tensor) => tensorItem(tensor, tensor.task ?? task, manyTasks, actions));
  if (items.length <= OPEN_AT_ONCE) for (const item of items) item.open = true;
  return element('div', { class: 'tensor-list' }, ...items);
}

function tensorItem(
  tensor: CellTensor,
  task: string,
  namesTask: boolean,
  actions: DetailActions,
): HTMLDetailsElement {
  const statistics = element('div', { class: 'tensor-statistics' });
  let asked = false;
  const item = element(
    'details',
    {
      class: 'tensor',
      on: {
        toggle: () => {
          if (!item.open || asked) return;
          asked = true;
          statistics.replaceChildren(
            element('p', { class: 'muted' }, icon('loading', 'codicon-modifier-spin'), ' Reading …'),
          );
          actions.ask(task, tensor.tensor, (detail) => statistics.replaceChildren(...answerView(detail)));
        },
      },
    },
    element(
      'summary',
      {},
      element('span', { class: 'tensor-name', text: tensor.tensor, title: tensor.tensor }),
      namesTask ? element('span', { class: 'muted', text: ` ${task}` }) : null,
    ),
    figureList(tensor),
    statistics,
    textButton('Reveal in Checkpoint', () => actions.reveal(task, tensor.tensor), {
      icon: 'go-to-file',
      secondary: true,
    }),
  );
  return item;
}

function figureList(tensor: CellTensor): HTMLElement {
  const list = element('dl', { class: 'figures' });
  for (const { title, value, column } of tensor.figures) {
    list.append(
      element(
        'div',
        {},
        element('dt', { text: title, title }),
        element('dd', { text: formatCell(value, column.type), title: formatCell(value, column.type, true) }),
      ),
    );
  }
  return list;
}

function answerView(detail: Result<TensorDetail>): HTMLElement[] {
  if (!detail.ok) {
    const text = element(
      'div',
      {},
      element('div', { text: detail.problem.message }),
      element('div', { class: 'muted', text: detail.problem.action }),
    );
    return [element('div', { class: 'finding error', attributes: { role: 'alert' } }, icon('error'), text)];
  }
  const { dtype, shape, statistics, statisticsOf, delta } = detail.value;
  return [
    element('p', { class: 'muted', text: `${dtype} ${formatShape(shape)}` }),
    ...(delta ? [statisticsView('Task vector τ', 'τ', delta)] : []),
    statisticsOf === 'base'
      ? statisticsView('Base θ₀', 'θ₀', statistics)
      : statisticsView('Fine-tuned θ', 'θ', statistics),
  ];
}
