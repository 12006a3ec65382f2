import { isFigure } from '../../src/figure/svg';
import type { Artifact, LensResult, Note } from '../../src/protocol/artifact';
import type { Finding } from '../../src/protocol/finding';
import type { ResultViewState, Selection } from '../../src/protocol/panel';
import { choice, element, icon, textButton } from '../dom';
import { findingList } from '../finding-list';
import { renderArtifact } from './artifact-views/registry';
import type { ArtifactView, ViewContext } from './artifact-views/view';
import type { ResultCard } from './card';
import type { CardOwner } from './card-surroundings';
import { createMatrixFigure, type ChosenCell, type MatrixFigure } from './matrix-figure';
import { matrixTable } from './matrix-table';
import type { Shown } from './shown';

/** What stands below the toolbar of a card: findings, notes, matrices, other figures, tables. */
export class CardFigures {
  private matrices: MatrixFigure[] = [];
  private views: ArtifactView[] = [];
  private selection: Selection | null = null;

  constructor(
    private readonly card: ResultCard,
    private readonly owner: CardOwner,
  ) {}

  /** Draws all anew; what was drawn before is let go. */
  draw(shown: Shown, result: LensResult, view: ResultViewState): HTMLElement {
    this.dispose();
    const area = element('div', { class: 'figure-area' });
    const notes = shown.others.filter((artifact) => artifact.kind === 'note');
    area.append(...this.notesBefore(notes, result));
    if (result.artifacts.length === 0) {
      area.append(emptyView('This lens found nothing to show for this study.'));
      this.tellDrawn(0, shown);
    } else if (view.view === 'table') this.drawTables(area, shown);
    else this.drawFigures(area, shown, notes);
    this.select(this.selection);
    return area;
  }

  /** Marks what stands for a selection in every view. */
  select(selection: Selection | null): void {
    this.selection = selection;
    for (const figure of this.matrices) figure.mark(selection);
    for (const view of this.views) view.select?.(selection);
  }

  /** Marks the cell whose details are open. */
  markOpen(cell: ChosenCell | null): void {
    for (const figure of this.matrices) figure.select(cell);
  }

  focus(): void {
    this.matrices[0]?.focus();
  }

  dispose(): void {
    for (const figure of this.matrices) figure.dispose();
    for (const view of this.views) view.dispose?.();
    this.matrices = [];
    this.views = [];
  }

  /** Verdicts first, then findings, recommendations, warnings; other notes stand below the figures. */
  private notesBefore(notes: readonly Note[], result: LensResult): HTMLElement[] {
    const findings = findingsView(result.findings);
    const show = (wanted: readonly Note[]) => wanted.map((note) => this.add(note).element);
    return [
      ...(result.partial === undefined ? [] : [this.partialView(result.partial)]),
      ...show(notes.filter(({ role }) => role === 'verdict')),
      ...(findings ? [findings] : []),
      ...show(notes.filter(({ role }) => role === 'recommendation')),
      ...show(notes.filter(({ role, severity }) => role === undefined && severity === 'warning')),
    ];
  }

  /** What an unfinished result rests on; the way to a whole one stands in once the run was stopped. */
  private partialView(basis: string): HTMLElement {
    const text = element('span', {}, `Partial result: ${basis}.`);
    const again = textButton('Run to the End', () => this.owner.run(this.card, this.card.state.parameters), {
      secondary: true,
    });
    again.classList.add('once-stopped');
    return element('p', { class: 'partial-basis', attributes: { role: 'note' } }, text, again);
  }

  private drawFigures(area: HTMLElement, shown: Shown, notes: readonly Note[]): void {
    const withMatrix = [shown, ...shown.further].filter(({ matrix }) => matrix !== null);
    for (const one of withMatrix) area.append(this.addMatrix(one).element);
    const figures = shown.others.flatMap((artifact) =>
      artifact.kind === 'note' || artifact.kind === 'matrix' ? [] : [artifact],
    );
    const remarks = notes.filter(({ role, severity }) => role === undefined && severity !== 'warning');
    area.append(...[...figures, ...remarks].map((artifact) => this.add(artifact).element));
    if (withMatrix.length > 0) return;
    if (!shown.others.some(isFigure)) area.append(...shown.tables.map((table) => this.add(table).element));
    this.tellDrawn(0, shown);
  }

  private drawTables(area: HTMLElement, shown: Shown): void {
    const all = [shown, ...shown.further];
    const matrices = all.flatMap((one) => one.matrices.map((matrix) => ({ matrix, order: one.order })));
    const options = [
      ...matrices.map(({ matrix }) => ({ value: `matrix ${matrix.id}`, title: matrix.title })),
      ...shown.tables.map((table) => ({ value: table.id, title: table.title })),
    ];
    const wanted = this.card.state.view.table;
    const chosen = options.find(({ value }) => value === wanted)?.value ?? options[0]?.value;
    if (options.length > 1) {
      const choose = (table: string) => this.card.change({ table });
      area.append(element('div', { class: 'table-choice' }, choice('table', options, chosen ?? '', choose)));
    }
    const table = shown.tables.find(({ id }) => id === chosen);
    const matrix = matrices.find((one) => `matrix ${one.matrix.id}` === chosen);
    if (table) area.append(this.add(table).element);
    else if (matrix) {
      const view = matrixTable(matrix.matrix, matrix.order, this.viewContext());
      this.views.push(view);
      area.append(view.element);
    } else area.append(emptyView('This result has no numbers in rows and columns.'));
    this.tellDrawn(0, shown);
  }

  private add(artifact: Exclude<Artifact, { kind: 'matrix' }>): ArtifactView {
    const view = renderArtifact(artifact, this.viewContext());
    this.views.push(view);
    return view;
  }

  private addMatrix(shown: Shown): MatrixFigure {
    const viewOf = () => this.card.state.view.viewport;
    const figure = createMatrixFigure({
      shown,
      selected: this.card.openCell(),
      tooltip: this.owner.tooltip,
      announce: this.owner.announce,
      open: (cell) => this.card.open(cell),
      close: () => this.owner.closeDetails(),
      drawn: (cells) => this.tellDrawn(cells, shown),
      sharing: this.owner.sharing(this.card, shown),
      room: (heatmap) => this.owner.room(this.card, heatmap),
      viewport: ({ rows, columns }) => {
        const seen = viewOf();
        return seen?.rows === rows.length && seen.columns === columns.length ? seen : undefined;
      },
      moved: ({ rows, columns }, { zoom, row, column }) =>
        this.card.remember({
          viewport: { rows: rows.length, columns: columns.length, zoom, row, column },
        }),
    });
    this.matrices.push(figure);
    return figure;
  }

  private viewContext(): ViewContext {
    const parameters = this.card.result?.parameters ?? {};
    return {
      onSelect: (selection) => this.owner.select(this.card, selection),
      runWith: (changed) => this.owner.run(this.card, { ...parameters, ...changed }),
      parameters,
      tooltip: this.owner.tooltip,
      announce: this.owner.announce,
    };
  }

  private tellDrawn(cells: number, shown: Shown): void {
    this.owner.drawn(this.card, cells, shown.matrix?.title ?? this.card.title);
  }
}

// More would push the figures out of sight.
const MOST_FINDINGS_OPEN = 4;

function findingsView(findings: readonly Finding[]): HTMLElement | null {
  const list = findingList(findings);
  if (!list || findings.length <= MOST_FINDINGS_OPEN) return list;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const text = `${String(findings.length)} findings${errors > 0 ? `, ${String(errors)} of them errors` : ''}`;
  return element('details', { class: 'folded-findings' }, element('summary', { text }), list);
}

/** A place that is empty, in words. */
export function emptyView(text: string): HTMLElement {
  return element('section', { class: 'empty' }, icon('graph', 'large'), element('p', { text }));
}
