import { needsAttachment } from '../src/protocol/attachment';
import { CANCELLED, type Problem } from '../src/protocol/result';
import { element, icon, textButton } from './dom';

/** A problem as it stands, with what the user can do about it. */
export function problemView(
  problem: Problem,
  actions: { showLog(): void; runAgain?: () => void; attach?: () => void },
): HTMLElement {
  const isCancelled = problem.code === CANCELLED;
  const where = [problem.path, problem.at].filter(Boolean).join(' · ');
  return element(
    'section',
    { class: 'problem', attributes: { role: isCancelled ? 'status' : 'alert' } },
    icon(isCancelled ? 'circle-slash' : 'error', 'large'),
    element('p', { class: 'problem-message', text: problem.message }),
    element('p', { class: 'muted', text: problem.action }),
    where && !problem.message.includes(where) ? element('p', { class: 'muted path', text: where }) : null,
    element(
      'div',
      { class: 'button-row' },
      actions.attach && needsAttachment(problem)
        ? textButton('Attach Graph and Data…', actions.attach, { icon: 'plug' })
        : null,
      actions.runAgain ? textButton('Run Again', actions.runAgain, { icon: 'refresh' }) : null,
      isCancelled
        ? null
        : textButton('Show Log', () => actions.showLog(), { icon: 'output', secondary: true }),
    ),
  );
}
