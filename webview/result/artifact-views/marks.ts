import type { AxisEntry } from '../../../src/protocol/artifact';
import type { Selection } from '../../../src/protocol/panel';
import { matchesEntry, placeOf } from '../../selection';
import type { ViewContext } from './view';

/** Marks of a figure that can be chosen by pointer and keyboard, and that show what was chosen elsewhere. */
export interface Marks {
  /** Call after the figure was drawn anew. */
  redrawn(): void;
  select(selection: Selection | null): void;
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Makes every `data-entry` mark below `holder` choosable; the number is its entry. Arrow keys, Home and End walk over the
 * marks and speak them, Enter chooses, Escape chooses nothing. The holder takes the focus, so that a figure is one stop.
 */
export function chooseMarks(
  holder: HTMLElement,
  entries: readonly AxisEntry[],
  title: string,
  context: ViewContext,
): Marks {
  let selection: Selection | null = null;
  let current = -1;
  const marks = () => [...holder.querySelectorAll<SVGElement>('[data-entry]')];
  const entryOf = (mark: Element | undefined) => entries[Number(mark?.getAttribute('data-entry') ?? -1)];
  const choose = (mark: Element | undefined) => {
    const entry = entryOf(mark);
    if (entry) context.onSelect(placeOf(entry));
  };
  const show = () => {
    const chosen = new Set<number>();
    for (const [index, entry] of entries.entries()) if (matchesEntry(entry, selection)) chosen.add(index);
    for (const mark of marks()) {
      mark.classList.toggle('chosen', chosen.has(Number(mark.getAttribute('data-entry'))));
    }
    markLines(holder, entries, chosen);
    holder.classList.toggle('has-chosen', chosen.size > 0);
  };
  const walkTo = (index: number) => {
    const all = marks();
    current = Math.max(0, Math.min(all.length - 1, index));
    for (const [at, mark] of all.entries()) mark.classList.toggle('current', at === current);
    const text = all[current]?.querySelector('title')?.textContent ?? entryOf(all[current])?.label ?? '';
    if (text !== '') context.announce(text);
  };
  holder.tabIndex = 0;
  holder.setAttribute('role', 'group');
  holder.setAttribute('aria-label', `${title}. Arrow keys move over its marks, Enter selects.`);
  holder.addEventListener('click', ({ target }) => {
    const mark = target instanceof Element ? target.closest('[data-entry]') : null;
    if (mark) choose(mark);
  });
  holder.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const count = marks().length;
    const step = STEPS[event.key];
    if (step !== undefined && count > 0) walkTo(current < 0 ? 0 : current + step);
    else if (event.key === 'Home') walkTo(0);
    else if (event.key === 'End') walkTo(count - 1);
    else if (event.key === 'Enter' || event.key === ' ') choose(marks()[current]);
    else if (event.key === 'Escape' && selection) context.onSelect(null);
    else return;
    event.preventDefault();
  });
  return {
    redrawn: show,
    select(next) {
      selection = next;
      show();
    },
  };
}

/** A line counts as chosen with any of its points, an edge with either of its nodes. */
function markLines(holder: HTMLElement, entries: readonly AxisEntry[], chosen: ReadonlySet<number>): void {
  const lines = [...holder.querySelectorAll<SVGElement>('[data-line]')];
  const points = lines.length > 0 ? entries.length / lines.length : 0;
  for (const line of lines) {
    const first = Number(line.getAttribute('data-line')) * points;
    const any = Array.from({ length: points }, (_, at) => first + at).some((index) => chosen.has(index));
    line.classList.toggle('chosen', any);
  }
  for (const edge of holder.querySelectorAll<SVGElement>('[data-from]')) {
    const ends = ['data-from', 'data-to'].map((name) => Number(edge.getAttribute(name)));
    edge.classList.toggle(
      'chosen',
      ends.some((end) => chosen.has(end)),
    );
  }
}
