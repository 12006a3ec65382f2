import type { Note } from '../../../src/protocol/artifact';
import { element, icon } from '../../dom';
import type { ArtifactRenderer } from './view';

/** A remark of the lens, as plain text. */
export const renderNote: ArtifactRenderer<Note> = (note) => ({
  element: element(
    'section',
    { class: `note ${note.severity}` },
    icon(note.severity === 'warning' ? 'warning' : 'info'),
    element(
      'div',
      {},
      note.title ? element('strong', { text: note.title }) : null,
      element('div', { text: note.text }),
    ),
  ),
});
