import type { Finding, Severity } from '../src/protocol/finding';
import { element, icon } from './dom';

const ICONS: Readonly<Record<Severity, string>> = {
  error: 'error',
  warning: 'warning',
  information: 'info',
  hint: 'lightbulb',
};

/** Findings with icon, code, message and what to do; `null` when there are none. */
export function findingList(findings: readonly Finding[]): HTMLElement | null {
  if (findings.length === 0) return null;
  const items = findings.map((finding) =>
    element(
      'li',
      { class: `finding ${finding.severity}` },
      icon(ICONS[finding.severity]),
      element(
        'div',
        {},
        element('span', { class: 'spoken', text: `${finding.severity}: ` }),
        element('span', { text: finding.message }),
        element('code', { class: 'muted', text: finding.code }),
        element('div', { class: 'muted', text: finding.help }),
      ),
    ),
  );
  return element('ul', { class: 'findings', attributes: { 'aria-label': 'Findings' } }, ...items);
}
