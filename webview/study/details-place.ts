import type { TensorDetail } from '../../src/protocol/checkpoint';
import type { FromResultPanel } from '../../src/protocol/panel';
import type { Result } from '../../src/protocol/result';
import { cellPane } from '../result/cell-pane';
import type { ResultCard } from '../result/card';
import type { ChosenCell } from '../result/matrix-figure';
import { createTensorRequests } from '../tensor-requests';

/** The pane beside the cards with what stands behind a chosen cell. */
export class DetailsPlace {
  private readonly requests = createTensorRequests();
  private owner: ResultCard | null = null;

  constructor(
    private readonly place: HTMLElement,
    private readonly send: (message: FromResultPanel) => void,
  ) {}

  get isOpen(): boolean {
    return this.pane !== null;
  }

  /** Shows what stands behind a cell of a card, in place of what was there. */
  open(card: ResultCard, cell: ChosenCell, onlyTask: string): void {
    if (!card.result) return;
    if (this.owner && this.owner !== card) this.owner.closeCell(false);
    this.owner = card;
    this.pane?.remove();
    const pane = cellPane(cell, card.result, onlyTask, {
      ask: (task, tensor, answered) =>
        this.requests.ask(
          (request) => this.send({ type: 'tensor', request, card: card.id, task, tensor }),
          answered,
        ),
      reveal: (task, tensor) => this.send({ type: 'reveal', card: card.id, task, tensor }),
      close: () => this.close(),
    });
    this.place.append(pane);
    this.place.classList.add('with-details');
  }

  /** Hands the answer to a question to the pane that asked it. */
  answer(request: number, detail: Result<TensorDetail>): void {
    this.requests.answer(request, detail);
  }

  /** Closes the pane; the focus goes back to the card. */
  close(): void {
    const { owner, pane } = this;
    const focusInside = pane?.contains(document.activeElement) ?? false;
    pane?.remove();
    this.place.classList.remove('with-details');
    this.owner = null;
    owner?.closeCell(focusInside);
  }

  /** Closes the pane if it belongs to a card that goes. */
  leave(card: ResultCard): void {
    if (this.owner === card) this.close();
  }

  private get pane(): Element | null {
    return this.place.querySelector(':scope > .details');
  }
}
