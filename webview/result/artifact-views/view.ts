import type { Artifact } from '../../../src/protocol/artifact';
import type { ParameterValues } from '../../../src/protocol/lens';
import type { Selection } from '../../../src/protocol/panel';
import type { Tooltip } from '../../heatmap/tooltip';

/** An artifact on screen. */
export interface ArtifactView {
  readonly element: HTMLElement;
  /** Draws anew with the colours of the theme that is on now. */
  recolour?(): void;
  /** Marks what stands for a selection made anywhere in the panel; `null` takes the marks away. Never calls `onSelect`. */
  select?(selection: Selection | null): void;
  dispose?(): void;
}

/** What an artifact's view may ask of the card it stands in. */
export interface ViewContext {
  /** Tells every view of the panel what was chosen here; an axis entry can be handed over as it is. `null` chooses nothing. */
  readonly onSelect: (selection: Selection | null) => void;
  /** Runs the lens again with these parameters changed, all others as they are. Absent where nothing can be run. */
  readonly runWith?: (parameters: ParameterValues) => void;
  /** The parameters of the result that is shown. */
  readonly parameters: ParameterValues;
  readonly tooltip: Tooltip;
  /** Speaks to screen readers. */
  readonly announce: (text: string) => void;
}

/** Draws one kind of artifact. */
export type ArtifactRenderer<A extends Artifact> = (artifact: A, context: ViewContext) => ArtifactView;
