import type { Matrix } from '../../src/protocol/artifact';
import type { ParameterValues } from '../../src/protocol/lens';
import type { ExportFormat, ResultViewState, Selection } from '../../src/protocol/panel';
import type { Tooltip } from '../heatmap/tooltip';
import type { ResultCard } from './card';
import type { Exported } from './export';
import type { ChosenCell } from './matrix-figure';
import type { OverlayChoice } from './overlays';
import type { Shown } from './shown';

/** The panel, as its cards see it. Each call names the card that makes it. */
export interface CardOwner {
  readonly tooltip: Tooltip;
  readonly announce: (text: string) => void;
  run(card: ResultCard, parameters: ParameterValues): void;
  cancel(card: ResultCard): void;
  pin(card: ResultCard): void;
  compare(card: ResultCard): void;
  duplicate(card: ResultCard): void;
  maximise(card: ResultCard): void;
  remove(card: ResultCard): void;
  /** What was chosen in the card has changed. */
  remember(card: ResultCard, change: Partial<ResultViewState>): void;
  select(card: ResultCard, selection: Selection | null): void;
  openDetails(card: ResultCard, cell: ChosenCell): void;
  closeDetails(): void;
  exported(card: ResultCard, format: ExportFormat, exported: Exported): void;
  showLog(): void;
  /** Asks for a graph and data for the study. */
  attach(): void;
  drawn(card: ResultCard, cells: number, title: string): void;
  /** Matrices of other cards whose colours span the same range. */
  sharing(card: ResultCard, shown: Shown): readonly Matrix[];
  /** Importances of other cards, to be laid over what training moved. */
  overlays(card: ResultCard): readonly OverlayChoice[];
  /** Most pixels that a heatmap in the card may be high. */
  room(card: ResultCard, heatmap: HTMLElement): number;
}

/** The header of a card that is made from other cards. */
export interface CardHeading {
  readonly title: string;
  readonly summary: string;
}
