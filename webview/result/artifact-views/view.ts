import type { Artifact } from '../../../src/protocol/artifact';

/** An artifact on screen. */
export interface ArtifactView {
  readonly element: HTMLElement;
  /** Draws anew with the colours of the theme that is on now. */
  recolour?(): void;
  dispose?(): void;
}

/** Draws one kind of artifact. */
export type ArtifactRenderer<A extends Artifact> = (artifact: A) => ArtifactView;
