import type { Note } from '../../../src/protocol/artifact';
import { element, icon } from '../../dom';
import type { ArtifactRenderer } from './view';

/** A remark of the lens, as plain text; what it recommends stands out. */
export const renderNote: ArtifactRenderer<Note> = (note) => ({
  element: element(
    'section',
    { class: ['note', note.severity, note.role ?? ''].join(' ').trim() },
    icon(iconOf(note)),
    element(
      'div',
      {},
      note.title ? element('strong', { text: note.title }) : null,
      element('div', { text: note.text }),
    ),
  ),
});

function iconOf({ severity, role }: Note): string {
  if (severity === 'warning') return 'warning';
  if (role === 'recommendation') return 'lightbulb';
  return role === 'verdict' ? 'verified' : 'info';
}
