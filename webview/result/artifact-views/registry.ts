import type { Artifact } from '../../../src/protocol/artifact';
import { renderGraph } from './graph';
import { renderHistogram } from './histogram';
import { renderNote } from './note';
import { renderScatter } from './scatter';
import { renderSeries } from './series';
import { renderTable } from './table';
import { renderTree } from './tree';
import type { ArtifactView, ViewContext } from './view';

/** Draws an artifact by its kind. Matrices stand in the middle of the panel and are drawn by `matrix-figure.ts`. */
export function renderArtifact(
  artifact: Exclude<Artifact, { kind: 'matrix' }>,
  context: ViewContext,
): ArtifactView {
  switch (artifact.kind) {
    case 'tree':
      return renderTree(artifact, context);
    case 'series':
      return renderSeries(artifact, context);
    case 'scatter':
      return renderScatter(artifact, context);
    case 'graph':
      return renderGraph(artifact, context);
    case 'histogram':
      return renderHistogram(artifact, context);
    case 'note':
      return renderNote(artifact, context);
    case 'table':
      return renderTable(artifact, context);
  }
}
