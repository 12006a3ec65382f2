import type { ResultViewState } from '../../src/protocol/panel';
import { choice, element, icon, textButton } from '../dom';
import { ResultCard } from '../result/card';
import type { CardOwner } from '../result/card-surroundings';
import { parametersText } from '../result/card-header';
import { differenceOf } from './difference';

/** Id of the card that shows the difference. */
export const DIFFERENCE = 'difference';

export interface ComparisonOptions {
  readonly a: ResultCard;
  readonly b: ResultCard;
  /** All cards of the lens, to choose others from. */
  readonly candidates: readonly ResultCard[];
  readonly owner: CardOwner;
  readonly choose: (a: string, b: string) => void;
  readonly end: () => void;
}

/** Two runs of one lens side by side, with their difference below. */
export class Comparison {
  /** Above the cards: which runs they are. */
  readonly banner: HTMLElement;
  readonly difference: ResultCard;
  readonly a: ResultCard;
  readonly b: ResultCard;

  constructor(private readonly options: ComparisonOptions) {
    const { a, b, owner } = options;
    this.a = a;
    this.b = b;
    this.difference = new ResultCard(
      { id: DIFFERENCE, lens: b.state.lens, parameters: {}, view: { ...b.state.view, selected: null } },
      null,
      owner,
      {
        title: 'Difference b − a',
        summary:
          'Drawn from the two results as they are; nothing is computed anew. What has not the same axes in both is left out.',
      },
    );
    this.banner = this.makeBanner();
  }

  /** Both cards and their difference. */
  get cards(): readonly ResultCard[] {
    return [this.a, this.b, this.difference];
  }

  /** Whether a card is one of those compared. */
  has(card: ResultCard): boolean {
    return card === this.a || card === this.b;
  }

  /** The other cards of the comparison take over what was chosen in one: facets, scale, order, view. */
  follow(card: ResultCard, change: Partial<ResultViewState>): void {
    const shared = { ...change };
    delete shared.selected;
    if (Object.keys(shared).length === 0) return;
    for (const other of this.cards) if (other !== card) other.change(shared, true);
  }

  /** Draws the colours of both over one range, and the difference, once both have a result. */
  update(): void {
    const { a, b } = this;
    // Both show the same of their results from the start.
    if (a.shown) this.follow(a, { ...a.state.view, facets: a.shown.facets });
    a.draw();
    if (a.result && b.result) this.difference.finish(differenceOf(a.result, b.result));
  }

  dispose(): void {
    this.difference.dispose();
  }

  private makeBanner(): HTMLElement {
    const { a, b, candidates, choose, end } = this.options;
    const options = candidates.map((card, index) => ({
      value: card.id,
      title: `${String(index + 1)}: ${parametersText(card.lens, card.state.parameters) || 'parameters as given'}`,
    }));
    return element(
      'div',
      { class: 'comparison', attributes: { role: 'toolbar', 'aria-label': 'Comparison' } },
      icon('diff'),
      element('strong', { text: a.title, title: a.title }),
      choice('a', options, a.id, (id) => choose(id, id === b.id ? a.id : b.id)),
      choice('b', options, b.id, (id) => choose(id === a.id ? b.id : a.id, id)),
      textButton('Swap', () => choose(b.id, a.id), { icon: 'arrow-swap', secondary: true }),
      textButton('Show all cards', end, { icon: 'close', secondary: true }),
    );
  }
}
