import type { LensResult } from './artifact';
import type { CheckpointView, TensorDetail } from './checkpoint';
import type { LensDescription } from './lens';
import type { Problem, Result } from './result';
import type { RunSpec } from './study';

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

/** What the user sees and has chosen in a result panel; survives a window reload. All optional: a view fills in defaults. */
export interface ResultViewState {
  /** Chosen value per facet, e.g. `{ metric: 'relative' }`. */
  readonly facets?: Readonly<Record<string, string>>;
  readonly colourScale?: 'linear' | 'log';
  readonly sideBySide?: boolean;
  readonly view?: 'figure' | 'table';
  readonly order?: string;
  readonly selected?: { readonly row: number; readonly column: number } | null;
}

/** What `getState()` of a result panel holds. */
export interface ResultPanelState {
  readonly run: RunSpec;
  readonly view: ResultViewState;
}

export type ExportFormat = 'svg' | 'png' | 'csv' | 'json';

/** Extension → result panel. */
export type ToResultPanel =
  | {
      readonly type: 'start';
      readonly run: RunSpec;
      readonly lens: LensDescription | null;
      readonly view: ResultViewState;
    }
  | { readonly type: 'progress'; readonly fraction: number; readonly message: string }
  | { readonly type: 'result'; readonly result: LensResult }
  | { readonly type: 'failed'; readonly problem: Problem }
  | { readonly type: 'tensor'; readonly request: number; readonly detail: Result<TensorDetail> }
  /** From the editor title menu or the palette. */
  | { readonly type: 'export'; readonly format: ExportFormat }
  | { readonly type: 'toggleTable' };

/** Result panel → extension. */
export type FromResultPanel =
  | { readonly type: 'ready' }
  | { readonly type: 'cancel' }
  | { readonly type: 'run'; readonly parameters: Readonly<Record<string, number | boolean | string>> }
  | { readonly type: 'view'; readonly view: ResultViewState }
  | { readonly type: 'tensor'; readonly request: number; readonly task: string; readonly tensor: string }
  | { readonly type: 'reveal'; readonly task: string; readonly tensor: string }
  /** `data` is text, or base64 for `png`. */
  | { readonly type: 'exported'; readonly format: ExportFormat; readonly data: string; readonly name: string }
  | { readonly type: 'showLog' }
  /** After drawing; lets a test inside the extension host see what is on screen. */
  | { readonly type: 'drawn'; readonly cells: number; readonly title: string };

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
