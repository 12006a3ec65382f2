import { formatBytes, formatDuration } from '../../src/figure/number-text';
import type { LensResult } from '../../src/protocol/artifact';
import type { LensDescription } from '../../src/protocol/lens';
import type { RunSpec } from '../../src/protocol/study';
import { element, icon } from '../dom';
import { parametersForm } from './parameters-form';

export interface HeaderInput {
  readonly run: RunSpec;
  readonly lens: LensDescription | null;
  readonly result: LensResult | null;
  readonly runWith: (parameters: RunSpec['parameters']) => void;
}

/** Title, study, and, folded away, what the lens computes and its parameters. */
export function panelHeader(input: HeaderInput): HTMLElement {
  const { run, lens, result } = input;
  const tasks = run.study.tasks.map((task) => task.name);
  const names =
    tasks.length > 4
      ? `${tasks.slice(0, 3).join(', ')} and ${String(tasks.length - 3)} more`
      : tasks.join(', ');
  const timing = result ? `${formatBytes(result.bytesRead)} read in ${formatDuration(result.elapsedMs)}` : '';
  return element(
    'header',
    { class: 'panel-header' },
    element(
      'div',
      { class: 'title-row' },
      element('h1', { text: lens?.title ?? run.lens }),
      element('span', { class: 'study', title: tasks.join(', ') }, icon('beaker'), run.study.name),
      element('span', { class: 'muted', text: names, title: tasks.join(', ') }),
      element('span', { class: 'muted timing', text: timing }),
    ),
    lens ? element('p', { class: 'summary', text: lens.summary }) : null,
    element(
      'div',
      { class: 'foldables' },
      lens ? formulaView(lens) : null,
      lens ? parametersView(input, lens) : null,
    ),
  );
}

function formulaView(lens: LensDescription): HTMLElement {
  const sources = lens.source.map((source) =>
    /^https:\/\//.test(source.link)
      ? element('li', {}, element('a', { text: source.title, attributes: { href: source.link } }))
      : element('li', { text: source.title }),
  );
  return element(
    'details',
    { class: 'foldable', attributes: { 'data-keep': 'formula' } },
    element('summary', { text: 'What it computes' }),
    element('pre', { class: 'formula', text: lens.formula }),
    sources.length > 0 ? element('ul', { class: 'sources' }, ...sources) : null,
  );
}

function parametersView({ run, result, runWith }: HeaderInput, lens: LensDescription): HTMLElement | null {
  const values = { ...run.parameters, ...result?.parameters };
  return element(
    'details',
    { class: 'foldable', attributes: { 'data-keep': 'parameters' } },
    element('summary', { text: lens.parameters.length > 0 ? 'Parameters' : 'Run again' }),
    parametersForm(lens.parameters, values, runWith),
  );
}
