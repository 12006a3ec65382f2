import type { LensResult } from './artifact';
import type { CheckpointView, TensorDetail } from './checkpoint';
import type { LensDescription, ParameterValues } from './lens';
import type { Problem, Result } from './result';
import type { StudySpec } from './study';
import type { StudyFacts } from './study-facts';

/**
 * A place that all views of a panel mark together: what was chosen in one of them. The fields are those of an `AxisEntry`, so an entry
 * can be handed over as it is.
 */
export interface Selection {
  readonly layer?: string;
  readonly module?: string;
  readonly head?: number;
  readonly tensor?: string;
  readonly task?: string;
  /** What axes call the layer, where tables hold that instead of its key. */
  readonly label?: string;
}

/** What the user has chosen in a card; survives a window reload. All optional: a card fills in defaults. */
export interface ResultViewState {
  /** Chosen value per facet, e.g. `{ metric: 'relative' }`. */
  readonly facets?: Readonly<Record<string, string>>;
  readonly colourScale?: 'linear' | 'log';
  readonly sideBySide?: boolean;
  readonly view?: 'figure' | 'table';
  /** Which table the table view shows. */
  readonly table?: string;
  readonly order?: string;
  /** Key of the importances of another card that are laid over the matrix. */
  readonly overlay?: string;
  /** The cell whose details are open; of the first matrix unless it says of which. */
  readonly selected?: { readonly row: number; readonly column: number; readonly matrix?: string } | null;
  /** What part of matrices with that many rows and columns is on screen. */
  readonly viewport?: {
    readonly rows: number;
    readonly columns: number;
    readonly zoom: number;
    readonly row: number;
    readonly column: number;
  };
}

/** One lens with its parameters in a study panel. */
export interface StudyCard {
  /** Unique inside its panel. */
  readonly id: string;
  readonly lens: string;
  readonly parameters: ParameterValues;
  /** Its result stays: other parameters open a card beside it. */
  readonly pinned?: boolean;
  readonly view: ResultViewState;
}

/** What `getState()` of a study panel holds: all that is needed to show the same again. */
export interface StudyPanelState {
  readonly study: StudySpec;
  readonly cards: readonly StudyCard[];
  /** Whether the list of lenses is open; where not given, the room decides. */
  readonly lensesOpen?: boolean;
  /** `false`: a selection stays in the card where it was made. */
  readonly linked?: boolean;
  /** The card that has all the room. */
  readonly maximised?: string | null;
  /** The two cards of one lens that are compared. */
  readonly compared?: readonly [string, string] | null;
  readonly selection?: Selection | null;
}

/** `html` is the whole panel, the others are one card. */
export type ExportFormat = 'svg' | 'png' | 'csv' | 'json' | 'html';

/** Extension → study panel. */
export type ToResultPanel =
  | {
      readonly type: 'start';
      readonly state: StudyPanelState;
      readonly lenses: readonly LensDescription[];
    }
  /** Adds a card, unless there is one that says the same: then that one comes into view. */
  | { readonly type: 'add'; readonly lens: string; readonly parameters: ParameterValues }
  /** The study's file says something else now. */
  | { readonly type: 'study'; readonly study: StudySpec }
  /** What is in the files of the study; `null` where they cannot be read. */
  | { readonly type: 'facts'; readonly facts: StudyFacts | null }
  | {
      readonly type: 'progress';
      readonly card: string;
      readonly fraction: number;
      readonly message: string;
    }
  /** What a run that goes on has so far. */
  | { readonly type: 'partial'; readonly card: string; readonly result: LensResult }
  | { readonly type: 'result'; readonly card: string; readonly result: LensResult }
  | { readonly type: 'failed'; readonly card: string; readonly problem: Problem }
  | { readonly type: 'tensor'; readonly request: number; readonly detail: Result<TensorDetail> }
  /** From the editor title menu or the palette. */
  | { readonly type: 'export'; readonly format: ExportFormat }
  | { readonly type: 'toggleTable' };

/** Study panel → extension. */
export type FromResultPanel =
  | { readonly type: 'ready' }
  /** Asks for the result of a card; `again` reads the study anew, otherwise what is known will do. */
  | { readonly type: 'run'; readonly card: StudyCard; readonly again: boolean }
  | { readonly type: 'cancel'; readonly card: string }
  /** The card was removed. */
  | { readonly type: 'forget'; readonly card: string }
  | { readonly type: 'state'; readonly state: StudyPanelState }
  | {
      readonly type: 'tensor';
      readonly request: number;
      readonly card: string;
      readonly task: string;
      readonly tensor: string;
    }
  | { readonly type: 'reveal'; readonly card: string; readonly task: string; readonly tensor: string }
  /** `data` is text, or base64 for `png`. */
  | {
      readonly type: 'exported';
      readonly format: ExportFormat;
      readonly data: string;
      readonly name: string;
      /** The lens that was exported; not given for the whole panel. */
      readonly lens?: string;
    }
  /** Asks for a graph and data for the study. */
  | { readonly type: 'attach' }
  | { readonly type: 'showLog' }
  /** After drawing; lets a test inside the extension host see what is on screen. */
  | { readonly type: 'drawn'; readonly card: string; readonly cells: number; readonly title: string };

/** Extension → checkpoint editor. */
export type ToCheckpointEditor =
  | { readonly type: 'checkpoint'; readonly view: CheckpointView; readonly select?: string }
  | { readonly type: 'failed'; readonly problem: Problem }
  | { readonly type: 'select'; readonly tensor: string }
  | { readonly type: 'tensor'; readonly request: number; readonly detail: Result<TensorDetail> };

/** Checkpoint editor → extension. */
export type FromCheckpointEditor =
  | { readonly type: 'ready' }
  | { readonly type: 'tensor'; readonly request: number; readonly tensor: string }
  | { readonly type: 'open'; readonly path: string }
  | { readonly type: 'command'; readonly command: 'compareWithBase' | 'runLens' | 'showLog' }
  | { readonly type: 'drawn'; readonly rows: number };
