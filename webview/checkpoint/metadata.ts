import { formatBytes, formatCount } from '../../src/figure/number-text';
import type { CheckpointView } from '../../src/protocol/checkpoint';
import { element, textButton } from '../dom';

const LONG = 200;
const MOST_FILES = 500;

/** What the file says of itself, and which files it is made of; folded away. */
export function metadataView(view: CheckpointView): HTMLElement {
  const entries = Object.entries(view.metadata);
  const list = element('dl', { class: 'metadata' });
  for (const [name, value] of entries) {
    list.append(element('dt', { text: name }), element('dd', {}, ...valueView(value)));
  }
  list.append(
    element('dt', { text: 'fingerprint' }),
    element('dd', { class: 'path', text: view.fingerprint }),
  );
  const files = view.files
    .slice(0, MOST_FILES)
    .map((file) =>
      element('li', {}, element('span', { class: 'path', text: file.path }), ` ${formatBytes(file.bytes)}`),
    );
  const title = `Metadata and files (${formatCount(entries.length)} ${entries.length === 1 ? 'entry' : 'entries'}, ${formatCount(view.files.length)} ${view.files.length === 1 ? 'file' : 'files'})`;
  return element(
    'details',
    { class: 'metadata-fold' },
    element('summary', { text: title }),
    list,
    element('ul', { class: 'files' }, ...files),
  );
}

/** A long value shows its beginning, and all of it on demand. */
function valueView(value: string): Node[] {
  if (value.length <= LONG) return [element('span', { class: 'path', text: value })];
  const text = element('span', { class: 'path', text: `${value.slice(0, LONG)}…` });
  const more = textButton(
    `Show all ${formatCount(value.length)} characters`,
    () => {
      text.textContent = value;
      more.remove();
    },
    { secondary: true },
  );
  return [text, more];
}
