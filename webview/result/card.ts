import type { LensResult } from '../../src/protocol/artifact';
import type { LensDescription } from '../../src/protocol/lens';
import type { ExportFormat, ResultViewState, Selection, StudyCard } from '../../src/protocol/panel';
import { CANCELLED, type Problem } from '../../src/protocol/result';
import { element } from '../dom';
import { replaceKeepingFocus } from '../keep-focus';
import { problemView } from '../problem-view';
import { CardFigures } from './card-figures';
import { cardHeader, plainHeader } from './card-header';
import type { CardHeading, CardOwner } from './card-surroundings';
import { makeExport } from './export';
import { selectionOfCell, type ChosenCell } from './matrix-figure';
import { withOverlay, type OverlayChoice } from './overlays';
import { createProgressBar, skeleton, type ProgressBar } from './progress';
import { deriveShown, type Shown } from './shown';
import { panelToolbar } from './toolbar';

/** One lens with its result on screen: keeps what was received and chosen, and draws it. */
export class ResultCard {
  readonly element: HTMLElement;
  private readonly progressPlace = element('div', { class: 'card-progress' });
  private readonly headerPlace = element('div');
  private readonly toolbarPlace = element('div');
  private readonly body = element('div', { class: 'card-body' });
  private readonly figures: CardFigures;
  private progressBar: ProgressBar | null = null;
  private known: LensResult | null = null;
  private isMaximised = false;

  constructor(
    private card: StudyCard,
    readonly lens: LensDescription | null,
    private readonly owner: CardOwner,
    /** What stands in the header of a card that no lens was run for. */
    private readonly heading: CardHeading | null = null,
  ) {
    this.figures = new CardFigures(this, owner);
    this.element = element(
      'article',
      { class: 'card', attributes: { 'aria-labelledby': `${card.id}-title`, 'data-card': card.id } },
      this.headerPlace,
      this.progressPlace,
      this.toolbarPlace,
      this.body,
    );
    this.drawHeader();
    this.body.replaceChildren(skeleton());
  }

  get id(): string {
    return this.card.id;
  }

  get title(): string {
    return this.heading?.title ?? this.lens?.title ?? this.card.lens;
  }

  /** What the panel remembers of the card. */
  get state(): StudyCard {
    return this.card;
  }

  get result(): LensResult | null {
    return this.known;
  }

  /** What is on screen; `null` while there is no result. */
  get shown(): Shown | null {
    if (!this.known) return null;
    const shown = deriveShown(this.known.artifacts, this.card.view);
    const { overlay } = this.card.view;
    return overlay === undefined
      ? shown
      : withOverlay(
          shown,
          this.overlays.find(({ key }) => key === overlay),
        );
  }

  private get overlays(): readonly OverlayChoice[] {
    return this.owner.overlays(this);
  }

  /** Takes other parameters or a pin; the result on screen stays until the next one comes. */
  update(change: Pick<Partial<StudyCard>, 'parameters' | 'pinned'>): void {
    this.card = { ...this.card, ...change };
    this.drawHeader();
  }

  setMaximised(isMaximised: boolean): void {
    if (this.isMaximised === isMaximised) return;
    this.isMaximised = isMaximised;
    this.drawHeader();
  }

  /** A run is at work, or waits for others. A result that is there stays, dimmed. */
  progress(fraction: number, message: string): void {
    if (!this.progressBar) {
      this.progressBar = createProgressBar(() => this.owner.cancel(this));
      this.progressPlace.replaceChildren(this.progressBar.element);
      this.element.classList.add('running');
      if (!this.known) this.clear(skeleton());
    }
    this.progressBar.update(fraction, message);
  }

  finish(result: LensResult): void {
    this.stopProgress();
    this.known = result;
    this.drawHeader();
    this.draw();
  }

  /** Shows what a run that goes on has so far. */
  refine(result: LensResult): void {
    this.known = result;
    this.element.classList.add('refining');
    this.drawHeader();
    this.draw();
  }

  /** Shows why there is no result. One that was cancelled leaves the result before it in place. */
  fail(problem: Problem): void {
    this.stopProgress();
    if (problem.code === CANCELLED && this.known) {
      this.update({ parameters: this.known.parameters });
      this.owner.announce(`${this.title}: cancelled, the result before it stays.`);
      return;
    }
    this.known = null;
    const runAgain = () => this.owner.run(this, this.card.parameters);
    const showLog = () => this.owner.showLog();
    this.clear(problemView(problem, { showLog, runAgain, attach: () => this.owner.attach() }));
    this.owner.announce(`${this.title}: ${problem.message}`);
  }

  /** Draws everything below the header from the result and what is chosen. */
  draw(): void {
    const { shown, known } = this;
    if (!shown || !known) return;
    this.drawToolbar(shown);
    this.body.replaceChildren(this.figures.draw(shown, known, this.card.view));
  }

  /** Changes what is shown; `quietly` without telling the panel. */
  change(view: Partial<ResultViewState>, quietly = false): void {
    this.remember(view, quietly);
    this.draw();
  }

  /** Keeps something chosen without drawing. */
  remember(view: Partial<ResultViewState>, quietly = false): void {
    this.card = { ...this.card, view: { ...this.card.view, ...view } };
    if (!quietly) this.owner.remember(this, view);
  }

  toggleTable(): void {
    this.change({ view: this.card.view.view === 'table' ? 'figure' : 'table' });
  }

  /** Marks what stands for a selection, after going to the task it names. */
  select(selection: Selection | null): void {
    const { shown } = this;
    const task = selection?.task;
    const tasks = shown?.switches.find(({ name }) => name === 'task');
    const isOther = task !== undefined && tasks?.values.includes(task) && shown?.facets['task'] !== task;
    if (isOther && !shown?.sideBySide) this.change({ facets: { ...shown?.facets, task } }, true);
    this.figures.select(selection);
  }

  /** Tells the panel of a cell that was chosen, and opens what stands behind it. */
  open(cell: ChosenCell): void {
    const task = cell.matrix.facets?.['task'];
    const facets = task === undefined ? {} : { facets: { ...this.card.view.facets, task } };
    const isFirst = this.shown?.matrices.includes(cell.matrix) ?? true;
    const { row, column } = cell;
    this.remember({ selected: { row, column, ...(isFirst ? {} : { matrix: cell.matrix.id }) }, ...facets });
    this.figures.markOpen(cell);
    this.owner.select(this, selectionOfCell(cell));
    this.owner.openDetails(this, cell);
  }

  /** The cell whose details were open when the card was last seen. */
  openCell(): ChosenCell | null {
    const { selected } = this.card.view;
    const { shown } = this;
    if (!selected || !shown) return null;
    const matrices = [shown, ...shown.further].flatMap(({ matrix }) => (matrix ? [matrix] : []));
    const matrix = matrices.find(({ id }) => selected.matrix === undefined || id === selected.matrix);
    const isInside = matrix && selected.row < matrix.rows.length && selected.column < matrix.columns.length;
    return isInside ? { matrix, row: selected.row, column: selected.column } : null;
  }

  /** Takes the mark of the open cell away. */
  closeCell(refocus: boolean): void {
    if (refocus) this.figures.focus();
    this.figures.markOpen(null);
    if (this.card.view.selected) this.remember({ selected: null });
  }

  async exportAs(format: ExportFormat): Promise<void> {
    const { known, shown } = this;
    if (!known || !shown || format === 'html') return;
    const { view, table } = this.card.view;
    const chosen = view === 'table' ? (shown.tables.find(({ id }) => id === table) ?? null) : null;
    this.owner.exported(this, format, await makeExport(format, { result: known, shown, table: chosen }));
  }

  /** Opens the form of parameters and moves the focus into it. */
  editParameters(): void {
    const form = this.headerPlace.querySelector<HTMLDetailsElement>('[data-keep=parameters]');
    if (!form) return;
    form.open = true;
    form.querySelector<HTMLElement>('input, select, button')?.focus();
  }

  focus(): void {
    this.element.scrollIntoView({ block: 'nearest' });
    this.headerPlace.querySelector<HTMLElement>('button')?.focus({ preventScroll: true });
  }

  dispose(): void {
    this.figures.dispose();
    this.element.remove();
  }

  private stopProgress(): void {
    this.progressBar = null;
    this.progressPlace.replaceChildren();
    this.element.classList.remove('running', 'refining');
  }

  private clear(instead: HTMLElement): void {
    this.figures.dispose();
    this.toolbarPlace.replaceChildren();
    this.body.replaceChildren(instead);
  }

  private drawHeader(): void {
    const open = [...this.headerPlace.querySelectorAll<HTMLDetailsElement>('details[open]')].map(
      ({ dataset }) => dataset['keep'],
    );
    const { heading } = this;
    if (heading) return this.headerPlace.replaceChildren(plainHeader(this.card.id, heading));
    const header = cardHeader({
      card: this.card,
      lens: this.lens,
      result: this.known,
      isMaximised: this.isMaximised,
      actions: {
        runWith: (parameters) => this.owner.run(this, parameters),
        pin: () => this.owner.pin(this),
        compare: () => this.owner.compare(this),
        duplicate: () => this.owner.duplicate(this),
        maximise: () => this.owner.maximise(this),
        remove: () => this.owner.remove(this),
      },
    });
    for (const part of header.querySelectorAll('details')) part.open = open.includes(part.dataset['keep']);
    replaceKeepingFocus(this.headerPlace, header);
    this.element.classList.toggle('pinned', this.card.pinned ?? false);
  }

  private drawToolbar(shown: Shown): void {
    const toolbar = panelToolbar({
      shown,
      view: this.card.view,
      overlays: shown.matrix?.measures === 'movement' ? this.overlays : [],
      change: (view) => this.change(view),
      exportAs: (format) => void this.exportAs(format),
    });
    replaceKeepingFocus(this.toolbarPlace, toolbar);
  }
}
