import { isFigure } from '../../src/figure/svg';
import type { Artifact, LensResult } from '../../src/protocol/artifact';
import type {
  ExportFormat,
  FromResultPanel,
  ResultPanelState,
  ResultViewState,
  ToResultPanel,
} from '../../src/protocol/panel';
import type { Problem } from '../../src/protocol/result';
import { createAnnouncer } from '../announce';
import { choice, element, icon } from '../dom';
import { findingList } from '../finding-list';
import { createTooltip } from '../heatmap/tooltip';
import type { Host } from '../host';
import { problemView } from '../problem-view';
import { onThemeChange } from '../theme';
import { renderArtifact } from './artifact-views/registry';
import type { ArtifactView, ViewContext } from './artifact-views/view';
import { cellPane } from './cell-pane';
import { makeExport } from './export';
import { panelHeader } from './header';
import { createMatrixFigure, type ChosenCell, type MatrixFigure } from './matrix-figure';
import { matrixTable } from './matrix-table';
import { createProgressBar, type ProgressBar } from './progress';
import { deriveShown, type Shown } from './shown';
import { createTensorRequests } from '../tensor-requests';
import { panelToolbar } from './toolbar';

type Start = Extract<ToResultPanel, { type: 'start' }>;

/** The result panel: keeps what was received and chosen, and draws it. */
export class ResultPanel {
  private readonly progressPlace = element('div');
  private readonly headerPlace = element('div');
  private readonly toolbarPlace = element('div');
  private readonly body = element('div', { class: 'panel-body' });
  private progress: ProgressBar | null = null;
  private readonly tooltip = createTooltip(document.body);
  private readonly announce = createAnnouncer(document.body);
  private readonly requests = createTensorRequests();
  private start: Start | null = null;
  private result: LensResult | null = null;
  private view: ResultViewState = {};
  private tableId: string | null = null;
  private figure: MatrixFigure | null = null;
  private artifacts: ArtifactView[] = [];
  private selected: ChosenCell | null = null;

  constructor(
    root: HTMLElement,
    private readonly host: Host<FromResultPanel, ResultPanelState>,
  ) {
    root.className = 'result-panel';
    root.replaceChildren(this.progressPlace, this.headerPlace, this.toolbarPlace, this.body);
    this.showEmpty('Waiting for a lens to run …');
    onThemeChange(() => this.recolour());
  }

  /** Takes a message of the extension. */
  receive(message: ToResultPanel): void {
    switch (message.type) {
      case 'start':
        return this.begin(message);
      case 'progress':
        return this.showProgress(message.fraction, message.message);
      case 'result':
        return this.finish(message.result);
      case 'failed':
        return this.fail(message.problem);
      case 'tensor':
        return this.requests.answer(message.request, message.detail);
      case 'export':
        return this.exportAs(message.format);
      case 'toggleTable':
        return this.change({ view: this.view.view === 'table' ? 'figure' : 'table' });
    }
  }

  private begin(start: Start): void {
    this.start = start;
    this.view = start.view;
    this.result = null;
    this.selected = null;
    this.tableId = null;
    this.clearFigures();
    this.saveState();
    this.drawHeader();
    this.toolbarPlace.replaceChildren();
    this.body.replaceChildren(skeleton());
  }

  private showProgress(fraction: number, message: string): void {
    if (!this.progress) {
      this.progress = createProgressBar(() => this.host.send({ type: 'cancel' }));
      this.progressPlace.replaceChildren(this.progress.element);
    }
    this.progress.update(fraction, message);
  }

  private hideProgress(): void {
    this.progress = null;
    this.progressPlace.replaceChildren();
  }

  private finish(result: LensResult): void {
    this.result = result;
    this.hideProgress();
    this.drawHeader();
    this.draw();
  }

  private fail(problem: Problem): void {
    this.hideProgress();
    this.clearFigures();
    this.toolbarPlace.replaceChildren();
    const { start } = this;
    const runAgain = start ? { runAgain: () => this.run(start.run.parameters) } : {};
    this.body.replaceChildren(
      problemView(problem, { showLog: () => this.host.send({ type: 'showLog' }), ...runAgain }),
    );
  }

  private run(parameters: Start['run']['parameters']): void {
    this.host.send({ type: 'run', parameters });
  }

  private drawHeader(): void {
    const { start } = this;
    if (!start) return;
    const open = [...this.headerPlace.querySelectorAll<HTMLDetailsElement>('details[open]')].map(
      ({ dataset }) => dataset['keep'],
    );
    const header = panelHeader({
      ...start,
      result: this.result,
      runWith: (parameters) => this.run(parameters),
    });
    for (const part of header.querySelectorAll('details')) part.open = open.includes(part.dataset['keep']);
    this.headerPlace.replaceChildren(header);
  }

  /** Draws everything below the header from the result and what is chosen. */
  private draw(): void {
    const { result } = this;
    if (!result) return;
    const shown = deriveShown(result.artifacts, this.view);
    this.drawToolbar(shown);
    this.clearFigures();
    const area = element('div', { class: 'figure-area' });
    const findings = findingList(result.findings);
    if (findings) area.append(findings);
    const restored = this.restoreSelected(shown);
    this.body.replaceChildren(area);
    if (result.artifacts.length === 0) {
      area.append(emptyView('This lens found nothing to show for this study.'));
      this.tellDrawn(0, shown);
    } else if (this.view.view === 'table') this.drawTables(area, shown);
    else this.drawFigures(area, shown);
    if (restored) this.openDetails(restored);
  }

  private drawToolbar(shown: Shown): void {
    const focused = this.toolbarPlace.contains(document.activeElement) ? document.activeElement : null;
    const key = (item: Element) => item.getAttribute('aria-label') ?? item.textContent;
    const toolbar = panelToolbar({
      shown,
      view: this.view,
      change: (view) => this.change(view),
      exportAs: (format) => this.exportAs(format),
    });
    this.toolbarPlace.replaceChildren(toolbar);
    if (!focused) return;
    const again = [...toolbar.querySelectorAll<HTMLElement>('button, select')].find(
      (item) => key(item) === key(focused),
    );
    again?.focus();
  }

  private drawFigures(area: HTMLElement, shown: Shown): void {
    const views = shown.others.flatMap((artifact) =>
      artifact.kind === 'matrix' ? [] : [renderArtifact(artifact, this.viewContext())],
    );
    const isWarning = (artifact: Artifact | undefined) =>
      artifact?.kind === 'note' && artifact.severity === 'warning';
    const warnings = views.filter((_, index) => isWarning(shown.others[index]));
    area.append(...warnings.map((view) => view.element));
    if (shown.matrix) {
      this.figure = createMatrixFigure({
        shown,
        selected: this.selected,
        tooltip: this.tooltip,
        announce: this.announce,
        open: (cell) => this.openDetails(cell),
        close: () => this.closeDetails(),
        drawn: (cells) => this.tellDrawn(cells, shown),
      });
      area.append(this.figure.element);
    }
    area.append(...views.filter((view) => !warnings.includes(view)).map((view) => view.element));
    this.artifacts = views;
    if (shown.matrix) return;
    if (!shown.others.some(isFigure)) {
      const tables = shown.tables.map((table) => renderArtifact(table, this.viewContext()));
      this.artifacts.push(...tables);
      area.append(...tables.map((view) => view.element));
    }
    this.tellDrawn(0, shown);
  }

  private drawTables(area: HTMLElement, shown: Shown): void {
    const options = [
      ...shown.matrices.map((matrix) => ({ value: `matrix ${matrix.id}`, title: matrix.title })),
      ...shown.tables.map((table) => ({ value: table.id, title: table.title })),
    ];
    const chosen = options.find(({ value }) => value === this.tableId)?.value ?? options[0]?.value;
    const table = shown.tables.find(({ id }) => id === chosen);
    const matrix = shown.matrices.find(({ id }) => `matrix ${id}` === chosen);
    if (options.length > 1) {
      const choose = (value: string) => {
        this.tableId = value;
        this.draw();
      };
      area.append(element('div', { class: 'table-choice' }, choice('table', options, chosen ?? '', choose)));
    }
    if (table) area.append(renderArtifact(table, this.viewContext()).element);
    else if (matrix) area.append(matrixTable(matrix, shown.order));
    else area.append(emptyView('This result has no numbers in rows and columns.'));
    this.tellDrawn(0, shown);
  }

  private viewContext(): ViewContext {
    const parameters = this.result?.parameters ?? {};
    return {
      onSelect: (selection) => {
        for (const view of this.artifacts) view.select?.(selection);
      },
      runWith: (changed) => this.run({ ...parameters, ...changed }),
      parameters,
      tooltip: this.tooltip,
      announce: this.announce,
    };
  }

  private tellDrawn(cells: number, shown: Shown): void {
    const title = shown.matrix?.title ?? this.start?.lens?.title ?? this.result?.lens ?? '';
    this.host.send({ type: 'drawn', cells, title });
  }

  private restoreSelected(shown: Shown): ChosenCell | null {
    const { selected } = this.view;
    const { matrix } = shown;
    const inside =
      selected && matrix && selected.row < matrix.rows.length && selected.column < matrix.columns.length;
    this.selected = inside ? { matrix, row: selected.row, column: selected.column } : null;
    return this.selected;
  }

  private openDetails(cell: ChosenCell): void {
    const { result } = this;
    if (!result) return;
    this.selected = cell;
    const task = cell.matrix.facets?.['task'];
    const facets = task === undefined ? {} : { facets: { ...this.view.facets, task } };
    this.remember({ selected: { row: cell.row, column: cell.column }, ...facets });
    this.figure?.select(cell);
    this.body.querySelector('.details')?.remove();
    const pane = cellPane(cell, result, this.start?.run.study.tasks[0]?.name ?? '', {
      ask: (from, tensor, answered) =>
        this.requests.ask(
          (request) => this.host.send({ type: 'tensor', request, task: from, tensor }),
          answered,
        ),
      reveal: (from, tensor) => this.host.send({ type: 'reveal', task: from, tensor }),
      close: () => this.closeDetails(),
    });
    this.body.append(pane);
    this.body.classList.add('with-details');
  }

  private closeDetails(): void {
    const pane = this.body.querySelector('.details');
    if (!pane) return;
    const focusInside = pane.contains(document.activeElement);
    if (focusInside) this.figure?.focus();
    pane.remove();
    this.body.classList.remove('with-details');
    this.selected = null;
    this.figure?.select(null);
    this.remember({ selected: null });
  }

  private change(view: Partial<ResultViewState>): void {
    this.remember(view);
    this.draw();
  }

  private remember(view: Partial<ResultViewState>): void {
    this.view = { ...this.view, ...view };
    this.saveState();
    this.host.send({ type: 'view', view: this.view });
  }

  private saveState(): void {
    if (this.start) this.host.setState({ run: this.start.run, view: this.view });
  }

  private exportAs(format: ExportFormat): void {
    const { result } = this;
    if (!result) return;
    const shown = deriveShown(result.artifacts, this.view);
    const table =
      this.view.view === 'table' ? (shown.tables.find(({ id }) => id === this.tableId) ?? null) : null;
    void makeExport(format, { result, shown, table }).then(({ data, name }) =>
      this.host.send({ type: 'exported', format, data, name }),
    );
  }

  private recolour(): void {
    if (this.result && this.body.querySelector('.figure-area')) this.draw();
  }

  private clearFigures(): void {
    this.figure?.dispose();
    this.figure = null;
    for (const artifact of this.artifacts) artifact.dispose?.();
    this.artifacts = [];
    this.body.classList.remove('with-details');
  }

  private showEmpty(text: string): void {
    this.body.replaceChildren(emptyView(text));
  }
}

function emptyView(text: string): HTMLElement {
  return element('section', { class: 'empty' }, icon('graph', 'large'), element('p', { text }));
}

/** Stands in for the figure while the lens runs, so that nothing jumps when it comes. */
function skeleton(): HTMLElement {
  const cells = Array.from({ length: 48 }, () => element('span'));
  return element('div', { class: 'skeleton', attributes: { 'aria-hidden': 'true' } }, ...cells);
}
