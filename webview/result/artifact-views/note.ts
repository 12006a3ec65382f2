import type { Note } from '../../../src/protocol/artifact';
import { element, icon } from '../../dom';
import type { ArtifactRenderer } from './view';

/** Lines of a note that are always open; with many tasks it has one or more for each. */
const LINES_OPEN = 4;
/** Fewer than these are not worth folding. */
const LINES_FOLDED = 3;

/** A remark of the lens, as plain text; what it recommends stands out. Of a long one the lines after the first ones are folded. */
export const renderNote: ArtifactRenderer<Note> = (note) => ({
  element: element(
    'section',
    { class: ['note', note.severity, note.role ?? ''].join(' ').trim() },
    icon(iconOf(note)),
    element(
      'div',
      {},
      note.title ? element('strong', { text: note.title }) : null,
      ...linesOf(note.text.split('\n')),
    ),
  ),
});

function linesOf(lines: readonly string[]): HTMLElement[] {
  // The last line says where the advice ends: it stays in sight.
  const folded = lines.slice(LINES_OPEN, -1);
  if (folded.length < LINES_FOLDED) return [element('div', { text: lines.join('\n') })];
  return [
    element('div', { text: lines.slice(0, LINES_OPEN).join('\n') }),
    element(
      'details',
      { class: 'note-rest' },
      element('summary', { text: `${String(folded.length)} more lines` }),
      element('div', { text: folded.join('\n') }),
    ),
    element('div', { text: lines.at(-1) ?? '' }),
  ];
}

function iconOf({ severity, role }: Note): string {
  if (severity === 'warning') return 'warning';
  if (role === 'recommendation') return 'lightbulb';
  return role === 'verdict' ? 'verified' : 'info';
}
