import type { LensDescription } from '../../src/protocol/lens';
import type { StudySpec } from '../../src/protocol/study';
import type { StudyFacts } from '../../src/protocol/study-facts';
import { element, icon } from '../dom';
import { listLenses, type ListedLens } from './lens-groups';

export interface LensListOptions {
  readonly lenses: readonly LensDescription[];
  readonly study: StudySpec;
  /** What is in the study's files; `null` until it is known. */
  readonly facts: StudyFacts | null;
  /** How many cards of a lens the panel has. */
  readonly count: (lens: string) => number;
  readonly add: (lens: LensDescription) => void;
  readonly announce: (text: string) => void;
}

let lists = 0;

/** The list of lenses beside the cards. Keys in the search field: letters filter, arrows move, Enter adds, Escape empties the field. */
export class LensList {
  readonly element: HTMLElement;
  private readonly id = `lenses-${String((lists += 1))}`;
  private readonly search: HTMLInputElement;
  private readonly list: HTMLElement;
  private shown: readonly ListedLens[] = [];
  private at = 0;

  constructor(private options: LensListOptions) {
    this.search = element('input', {
      attributes: {
        type: 'search',
        role: 'combobox',
        placeholder: 'Search lenses',
        'aria-label': 'Search lenses',
        'aria-autocomplete': 'list',
        'aria-expanded': 'true',
        'aria-controls': this.id,
        autocomplete: 'off',
        spellcheck: 'false',
      },
      on: {
        input: () => this.filter(),
        keydown: (event: KeyboardEvent) => this.key(event),
      },
    });
    this.list = element('div', {
      class: 'lens-items',
      attributes: { id: this.id, role: 'listbox', 'aria-label': 'Lenses' },
      on: {
        click: (event: MouseEvent) => this.clicked(event),
        // The search field keeps the focus, so that typing goes on.
        mousedown: (event: MouseEvent) => event.preventDefault(),
      },
    });
    this.element = element(
      'nav',
      { class: 'lens-list', attributes: { 'aria-label': 'Lenses' } },
      element('div', { class: 'lens-search' }, icon('search'), this.search),
      this.list,
    );
    this.draw();
  }

  /** Takes another study, or draws the counts anew. */
  update(change: Partial<LensListOptions> = {}): void {
    this.options = { ...this.options, ...change };
    this.draw();
  }

  focus(): void {
    this.search.focus();
  }

  private filter(): void {
    this.at = 0;
    this.draw();
    const count = this.shown.length;
    this.options.announce(count === 1 ? '1 lens' : `${String(count)} lenses`);
  }

  private draw(): void {
    const { lenses, study, facts } = this.options;
    this.shown = listLenses(lenses, study, facts, this.search.value);
    this.at = Math.min(this.at, Math.max(0, this.shown.length - 1));
    const { scrollTop } = this.list;
    const items = this.shown.map((listed, index) => this.item(listed, index));
    const fits = items.filter((_, index) => this.shown[index]?.lack === null);
    const others = items.filter((item) => !fits.includes(item));
    this.list.replaceChildren(
      ...groupOf('For this study', fits),
      ...groupOf('Needs more than this study has', others),
    );
    if (items.length === 0) {
      const text = lenses.length === 0 ? 'The analysis server gave no lenses.' : 'No lens matches.';
      this.list.append(element('p', { class: 'muted none', text }));
    }
    this.list.scrollTop = scrollTop;
    this.showActive();
  }

  private item({ lens, lack }: ListedLens, index: number): HTMLElement {
    const count = this.options.count(lens.id);
    const added = `${String(count)} ${count === 1 ? 'card' : 'cards'}`;
    return element(
      'div',
      {
        class: lack === null ? 'lens-item' : 'lens-item lacking',
        title: `${lens.title}\n${lens.summary}`,
        attributes: {
          role: 'option',
          id: `${this.id}-${String(index)}`,
          'data-index': index,
          'aria-selected': 'false',
          'aria-disabled': String(lack !== null),
        },
      },
      element(
        'div',
        { class: 'lens-name' },
        element('strong', { text: lens.title }),
        count > 0 ? element('span', { class: 'badge', text: String(count), title: added }) : null,
      ),
      element('div', { class: 'muted lens-summary', text: lens.summary }),
      lack === null ? null : element('div', { class: 'lack' }, icon('circle-slash'), lack),
    );
  }

  private showActive(): void {
    for (const item of this.list.querySelectorAll('.lens-item')) {
      const isActive = item.getAttribute('data-index') === String(this.at);
      item.classList.toggle('active', isActive);
      item.setAttribute('aria-selected', String(isActive));
    }
    this.search.setAttribute('aria-activedescendant', `${this.id}-${String(this.at)}`);
  }

  private move(to: number): void {
    this.at = Math.min(Math.max(to, 0), Math.max(0, this.shown.length - 1));
    this.showActive();
    this.list.querySelector('.active')?.scrollIntoView({ block: 'nearest' });
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };
    const step = steps[event.key];
    if (step !== undefined) this.move(this.at + step);
    else if (event.key === 'Enter') this.take(this.at);
    else if (event.key === 'Escape' && this.search.value !== '') {
      this.search.value = '';
      this.filter();
    } else return;
    event.preventDefault();
  }

  private clicked(event: MouseEvent): void {
    const item = (event.target as Element).closest('.lens-item');
    if (!item) return;
    this.move(Number(item.getAttribute('data-index')));
    this.take(this.at);
  }

  private take(index: number): void {
    const listed = this.shown[index];
    if (!listed) return;
    if (listed.lack === null) this.options.add(listed.lens);
    else this.options.announce(`${listed.lens.title}: ${listed.lack}.`);
  }
}

function groupOf(title: string, items: readonly HTMLElement[]): HTMLElement[] {
  if (items.length === 0) return [];
  const heading = element('h3', { class: 'lens-group', text: title, attributes: { 'aria-hidden': 'true' } });
  return [element('div', { attributes: { role: 'group', 'aria-label': title } }, heading, ...items)];
}
