import type { Artifact } from '../../../src/protocol/artifact';
import { renderGraph } from './graph';
import { renderHistogram } from './histogram';
import { renderNote } from './note';
import { renderScatter } from './scatter';
import { renderSeries } from './series';
import { renderTable } from './table';
import { renderTree } from './tree';
import type { ArtifactView } from './view';

/** Draws an artifact by its kind. Matrices stand in the middle of the panel and are drawn by `matrix-figure.ts`. */
export function renderArtifact(artifact: Exclude<Artifact, { kind: 'matrix' }>): ArtifactView {
  switch (artifact.kind) {
    case 'tree':
      return renderTree(artifact);
    case 'series':
      return renderSeries(artifact);
    case 'scatter':
      return renderScatter(artifact);
    case 'graph':
      return renderGraph(artifact);
    case 'histogram':
      return renderHistogram(artifact);
    case 'note':
      return renderNote(artifact);
    case 'table':
      return renderTable(artifact);
  }
}
