import type { LensDescription } from '../../src/protocol/lens';
import { element } from '../dom';

/** Folded away: how a lens's result is read, its formula, and the papers it comes from. */
export function howToRead(lens: LensDescription): HTMLElement {
  const sources = lens.source.map((source) =>
    /^https:\/\//.test(source.link)
      ? element('li', {}, element('a', { text: source.title, attributes: { href: source.link } }))
      : element('li', { text: source.title }),
  );
  return element(
    'details',
    { class: 'foldable', attributes: { 'data-keep': 'reading' } },
    element('summary', { text: 'How to read this' }),
    element('p', { class: 'reading', text: lens.reading }),
    element('h4', { text: 'What it computes' }),
    element('pre', { class: 'formula', text: lens.formula }),
    sources.length > 0 ? element('h4', { text: sources.length === 1 ? 'Paper' : 'Papers' }) : null,
    sources.length > 0 ? element('ul', { class: 'sources' }, ...sources) : null,
  );
}
