import { element, icon } from './dom';

/** An option of a {@link searchableChoice}. */
export interface ChoiceOption {
  readonly value: string;
  readonly title: string;
}

// More would not be read but searched for; the list says how many there are beside.
const MOST_SHOWN = 100;

/**
 * A labelled choice among many: the text typed into it filters the list below it. Keys: arrows, Enter, Escape. `choose` gets the value
 * chosen.
 */
export function searchableChoice(
  label: string,
  options: readonly ChoiceOption[],
  chosen: string,
  choose: (value: string) => void,
): HTMLLabelElement {
  const title = options.find(({ value }) => value === chosen)?.title ?? chosen;
  return new SearchableChoice(label, options, chosen, title, choose).element;
}

let lists = 0;

class SearchableChoice {
  readonly element: HTMLLabelElement;
  private readonly input: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly id = `choices-${String((lists += 1))}`;
  private matches: readonly ChoiceOption[] = [];
  private at = -1;

  constructor(
    label: string,
    private readonly options: readonly ChoiceOption[],
    private readonly chosen: string,
    private readonly title: string,
    private readonly choose: (value: string) => void,
  ) {
    this.input = element('input', {
      title,
      attributes: {
        type: 'text',
        role: 'combobox',
        'aria-label': label,
        'aria-autocomplete': 'list',
        'aria-expanded': 'false',
        'aria-controls': this.id,
        autocomplete: 'off',
        spellcheck: 'false',
        value: title,
      },
      on: {
        focus: () => this.input.select(),
        click: () => this.open(''),
        input: () => this.open(this.input.value),
        keydown: (event: KeyboardEvent) => this.key(event),
        blur: () => this.close(),
      },
    });
    this.list = element('div', {
      class: 'choices',
      attributes: { id: this.id, role: 'listbox', 'aria-label': label, hidden: true },
      // Before the input loses the focus, which closes the list.
      on: { pointerdown: (event: PointerEvent) => this.pointed(event) },
    });
    this.element = element(
      'label',
      { class: 'choice searchable' },
      element('span', { text: label }),
      element('div', { class: 'choice-box' }, this.input, icon('chevron-down'), this.list),
    );
  }

  private open(typed: string): void {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    this.matches = this.options.filter(({ title }) =>
      words.every((word) => title.toLowerCase().includes(word)),
    );
    this.at = typed === '' ? this.matches.findIndex(({ value }) => value === this.chosen) : 0;
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
    this.draw();
  }

  private draw(): void {
    const first = Math.max(0, Math.min(this.at - MOST_SHOWN / 2, this.matches.length - MOST_SHOWN));
    const shown = this.matches.slice(first, first + MOST_SHOWN);
    const items = shown.map(({ title }, index) =>
      element('div', {
        class: 'choice-item',
        text: title,
        title,
        attributes: {
          role: 'option',
          id: `${this.id}-${String(first + index)}`,
          'data-index': first + index,
          'aria-selected': String(first + index === this.at),
        },
      }),
    );
    const left = this.matches.length - shown.length;
    const more =
      this.matches.length === 0 ? 'Nothing matches.' : left > 0 ? `${String(left)} more: type to search` : '';
    this.list.replaceChildren(
      ...items,
      ...(more ? [element('div', { class: 'muted more', text: more })] : []),
    );
    this.input.setAttribute('aria-activedescendant', this.at < 0 ? '' : `${this.id}-${String(this.at)}`);
    this.list.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  private key(event: KeyboardEvent): void {
    const isOpen = !this.list.hidden;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) {
      if (isOpen) {
        this.at = Math.min(Math.max(this.at + step, 0), this.matches.length - 1);
        this.draw();
      } else this.open('');
    } else if (event.key === 'Enter' && isOpen) this.take(this.at);
    else if (event.key === 'Escape' && isOpen) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private pointed(event: PointerEvent): void {
    event.preventDefault();
    const item = (event.target as Element).closest('.choice-item');
    if (item) this.take(Number(item.getAttribute('data-index')));
  }

  private take(index: number): void {
    const option = this.matches[index];
    this.close();
    if (option && option.value !== this.chosen) this.choose(option.value);
  }

  private close(): void {
    this.list.hidden = true;
    this.input.value = this.title;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
  }
}
