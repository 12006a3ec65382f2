import type { LensDescription, ParameterValues } from '../../src/protocol/lens';
import type {
  FromResultPanel,
  Selection,
  StudyCard,
  StudyPanelState,
  ToResultPanel,
} from '../../src/protocol/panel';
import { createAnnouncer } from '../announce';
import { element } from '../dom';
import { onEscape } from '../escape';
import { createTooltip } from '../heatmap/tooltip';
import type { Host } from '../host';
import { replaceKeepingFocus } from '../keep-focus';
import { ResultCard } from '../result/card';
import { emptyView } from '../result/card-figures';
import { isImportance } from '../result/overlays';
import { onThemeChange } from '../theme';
import { createCardOwner } from './card-owner';
import type { Comparison } from './comparison';
import { ComparisonPlace } from './comparison-place';
import { DetailsPlace } from './details-place';
import { studyHeader } from './header';
import { LensList } from './lens-list';
import { makeReport } from './report';
import { defaultsOf, freshId, sameCard } from './same-card';

// Below, the list would leave too little room for a card.
const ROOM_FOR_LENSES = 900;

/** The study panel: lenses to choose from, and a card for each that was chosen. Owns what is shown; the host runs lenses. */
export class StudyPanel {
  readonly tooltip = createTooltip(document.body);
  readonly announce = createAnnouncer(document.body);
  readonly details: DetailsPlace;
  /** Where the cards stand; scrolls. */
  readonly area = element('div', { class: 'cards' });
  cards: ResultCard[] = [];
  /** The card that was used last; commands of the palette are for it. */
  current: ResultCard | null = null;
  private state: Omit<StudyPanelState, 'cards'> = { study: { name: '', tasks: [] } };
  private lenses: readonly LensDescription[] = [];
  private list: LensList | null = null;
  private readonly owner = createCardOwner(this);
  private readonly headerPlace = element('div');
  private readonly body = element('div', { class: 'study-body' });
  private readonly comparisonPlace = new ComparisonPlace(this.body);

  constructor(
    root: HTMLElement,
    readonly host: Host<FromResultPanel, StudyPanelState>,
  ) {
    root.className = 'study-panel';
    root.replaceChildren(this.headerPlace, this.body);
    this.details = new DetailsPlace(this.body, (message) => host.send(message));
    this.area.append(emptyView('Waiting for the study …'));
    this.body.append(this.area);
    onThemeChange(() => {
      for (const card of [...this.cards, ...this.differences]) card.draw();
    });
    onEscape(() => {
      if (this.details.isOpen || this.state.selection) this.owner.closeDetails();
    });
    const use = (event: Event) => {
      const id = (event.target as Element).closest('.card')?.getAttribute('data-card');
      this.current = this.card(id ?? '') ?? this.current;
    };
    this.area.addEventListener('pointerdown', use);
    this.area.addEventListener('focusin', use);
  }

  /** Takes a message of the extension. */
  receive(message: ToResultPanel): void {
    switch (message.type) {
      case 'start':
        return this.start(message.state, message.lenses);
      case 'add':
        return this.show(message.lens, message.parameters);
      case 'study':
        this.state = { ...this.state, study: message.study };
        this.list?.update({ study: message.study });
        return this.save();
      case 'facts':
        return this.list?.update({ facts: message.facts });
      case 'progress':
        return this.card(message.card)?.progress(message.fraction, message.message);
      case 'partial':
        this.card(message.card)?.refine(message.result);
        return;
      case 'result':
        return this.finish(message);
      case 'failed':
        return this.card(message.card)?.fail(message.problem);
      case 'tensor':
        return this.details.answer(message.request, message.detail);
      case 'export':
        if (message.format === 'html') return this.report();
        void this.inUse?.exportAs(message.format);
        return;
      case 'toggleTable':
        return this.inUse?.toggleTable();
    }
  }

  get comparison(): Comparison | null {
    return this.comparisonPlace.shown;
  }

  private get differences(): ResultCard[] {
    return this.comparison ? [this.comparison.difference] : [];
  }

  get remembered(): Omit<StudyPanelState, 'cards'> {
    return this.state;
  }

  card(id: string): ResultCard | undefined {
    return this.cards.find((card) => card.id === id);
  }

  /** Keeps what concerns all cards, and draws what depends on it. */
  change(change: Partial<Omit<StudyPanelState, 'cards' | 'study'>>): void {
    this.state = { ...this.state, ...change };
    this.save();
    this.arrange();
  }

  /** Keeps what is selected, for cards to come and for the next window. */
  keepSelection(selection: Selection | null): void {
    this.state = { ...this.state, selection };
    this.save();
  }

  /** Tells the host, and VS Code, all that is needed to show the same again. */
  save(): void {
    const state = { ...this.state, cards: this.cards.map((card) => card.state) };
    this.host.setState(state);
    this.host.send({ type: 'state', state });
  }

  /** Adds a card and has it run, unless there is one that shows the same: that one comes into view. */
  show(lens: string, parameters: ParameterValues): void {
    const same = sameCard(this.cards, lens, parameters);
    if (same) return this.bringIntoView(same);
    const added = this.add({ id: freshId(this.cards), lens, parameters, view: {} });
    if (this.state.maximised || this.state.compared) this.change({ maximised: null, compared: null });
    this.bringIntoView(added);
  }

  /** Adds a card at the end, or after another one, and has it run. */
  add(card: StudyCard, after?: ResultCard): ResultCard {
    const made = this.make(card);
    const at = after ? this.cards.indexOf(after) + 1 : this.cards.length;
    this.cards.splice(at, 0, made);
    this.save();
    this.arrange();
    this.ask(made, false);
    return made;
  }

  /** Asks the host for a card's result. */
  ask(card: ResultCard, again: boolean): void {
    card.progress(0, 'Waiting');
    this.host.send({ type: 'run', card: card.state, again });
  }

  remove(card: ResultCard): void {
    const at = this.cards.indexOf(card);
    this.details.leave(card);
    this.cards = this.cards.filter((other) => other !== card);
    card.dispose();
    if (this.current === card) this.current = null;
    this.offerOverlays(card);
    this.host.send({ type: 'forget', card: card.id });
    const { maximised, compared } = this.state;
    this.change({
      ...(maximised === card.id && { maximised: null }),
      ...(compared?.includes(card.id) && { compared: null }),
    });
    const next = this.cards[at] ?? this.cards.at(-1);
    (next ?? this.list)?.focus();
  }

  bringIntoView(card: ResultCard): void {
    this.current = card;
    const { maximised, compared } = this.state;
    const isHidden = (maximised && maximised !== card.id) || (compared && !compared.includes(card.id));
    if (isHidden) this.change({ maximised: null, compared: null });
    card.element.scrollIntoView({ block: 'nearest' });
    card.element.classList.remove('flash');
    requestAnimationFrame(() => card.element.classList.add('flash'));
    const place = `${String(this.cards.indexOf(card) + 1)} of ${String(this.cards.length)}`;
    this.announce(`${card.title}: card ${place}`);
  }

  private get inUse(): ResultCard | undefined {
    return this.current ?? this.cards[0];
  }

  private start(state: StudyPanelState, lenses: readonly LensDescription[]): void {
    for (const card of this.cards) card.dispose();
    const { cards, ...rest } = state;
    this.state = rest;
    this.lenses = lenses;
    this.current = null;
    this.list = new LensList({
      lenses,
      study: state.study,
      facts: null,
      count: (lens) => this.cards.filter((card) => card.state.lens === lens).length,
      add: (lens) => this.show(lens.id, defaultsOf(lens)),
      announce: this.announce,
    });
    this.cards = cards.map((card) => this.make(card));
    this.save();
    this.arrange();
    for (const card of this.cards) this.ask(card, false);
  }

  private make(card: StudyCard): ResultCard {
    return new ResultCard(card, this.lenses.find(({ id }) => id === card.lens) ?? null, this.owner);
  }

  private finish({ card: id, result }: Extract<ToResultPanel, { type: 'result' }>): void {
    const card = this.card(id);
    if (!card) return;
    card.finish(result);
    card.select(this.state.selection ?? null);
    const how = result.partial === undefined ? 'done.' : `stopped, with what ${result.partial} gave.`;
    this.announce(`${card.title}: ${how}`);
    const open = card.openCell();
    if (open) this.details.open(card, open, this.state.study.tasks[0]?.name ?? '');
    if (this.comparison?.has(card)) this.comparison.update();
    this.offerOverlays(card);
    this.drawHeader();
  }

  /** Importances that have come, or gone, are to choose from in the cards of what moved. */
  private offerOverlays(from: ResultCard): void {
    if (!from.result?.artifacts.some(isImportance)) return;
    for (const card of this.cards) {
      if (card !== from && card.shown?.matrix?.measures === 'movement') card.draw();
    }
  }

  /** Puts the header, the list and the cards that are to be seen in their places. */
  private arrange(): void {
    const { maximised, compared } = this.state;
    this.drawHeader();
    this.arrangeComparison(compared ?? null);
    const single = this.cards.filter(({ id }) => id === maximised);
    const shown = this.comparison?.cards ?? (maximised ? single : this.cards);
    for (const card of this.cards) card.setMaximised(maximised === card.id);
    this.area.classList.toggle('comparing', this.comparison !== null);
    this.area.classList.toggle('single', shown.length === 1);
    this.area.replaceChildren(...shown.map(({ element }) => element));
    if (shown.length === 0)
      this.area.append(emptyView('No lens is shown. Pick one from the list of lenses.'));
    if (this.lensesOpen && this.list) this.body.prepend(this.list.element);
    else this.list?.element.remove();
    this.body.classList.toggle('with-lenses', this.lensesOpen);
    this.list?.update();
  }

  private arrangeComparison(compared: readonly [string, string] | null): void {
    const [first, second] = (compared ?? []).map((id) => this.card(id));
    this.comparisonPlace.show(first, second, (a, b) => ({
      a,
      b,
      candidates: this.cards.filter(({ state }) => state.lens === a.state.lens),
      owner: this.owner,
      choose: (x, y) => this.change({ compared: [x, y] }),
      end: () => this.change({ compared: null }),
    }));
  }

  private get lensesOpen(): boolean {
    return this.state.lensesOpen ?? window.innerWidth >= ROOM_FOR_LENSES;
  }

  private drawHeader(): void {
    const header = studyHeader({
      study: this.state.study,
      lensesOpen: this.lensesOpen,
      linked: this.state.linked ?? true,
      hasResult: this.cards.some(({ result }) => result !== null),
      toggleLenses: () => {
        this.change({ lensesOpen: !this.lensesOpen });
        if (this.lensesOpen) this.list?.focus();
      },
      toggleLinked: () => this.change({ linked: !(this.state.linked ?? true) }),
      report: () => this.report(),
    });
    replaceKeepingFocus(this.headerPlace, header);
  }

  private report(): void {
    const report = makeReport(this.state.study, [...this.cards, ...this.differences]);
    this.host.send({ type: 'exported', format: 'html', ...report });
  }
}
