import type { StudySpec } from '../../src/protocol/study';
import { element, icon, textButton, toggle } from '../dom';

export interface StudyHeaderInput {
  readonly study: StudySpec;
  readonly lensesOpen: boolean;
  readonly linked: boolean;
  readonly hasResult: boolean;
  readonly toggleLenses: () => void;
  readonly toggleLinked: () => void;
  readonly report: () => void;
}

/** The study, and what concerns all cards. */
export function studyHeader(input: StudyHeaderInput): HTMLElement {
  const { study, lensesOpen, linked } = input;
  const tasks = study.tasks.map(({ name }) => name);
  const names =
    tasks.length > 4
      ? `${tasks.slice(0, 3).join(', ')} and ${String(tasks.length - 3)} more`
      : tasks.join(', ');
  const report = textButton('Export Report', input.report, { icon: 'export', secondary: true });
  report.title = 'All cards as one HTML file that opens anywhere';
  report.disabled = !input.hasResult;
  return element(
    'header',
    { class: 'study-header' },
    toggle('Lenses', lensesOpen, input.toggleLenses, {
      icon: 'list-unordered',
      title: lensesOpen ? 'Hide the list of lenses' : 'Pick lenses from a list',
    }),
    element(
      'h1',
      { class: 'study', title: study.name },
      icon('beaker'),
      element('span', { text: study.name }),
    ),
    element('span', { class: 'muted tasks', text: names, title: tasks.slice(0, 60).join(', ') }),
    element(
      'div',
      { class: 'study-end' },
      toggle('Linked', linked, input.toggleLinked, {
        icon: 'link',
        title: 'What is selected in one card is selected in all',
      }),
      report,
    ),
  );
}
