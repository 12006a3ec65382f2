import type { Artifact, LensResult, Table } from '../../protocol/artifact';
import { RecentlyUsed } from './recently-used';

/** Cells and table rows of all remembered results together: some 100 MB. */
const CAPACITY = 4_000_000;

/** Results of lenses, by all that they depend on. */
export type ResultCache = RecentlyUsed<LensResult>;

/** An empty cache of lens results. */
export function createResultCache(): ResultCache {
  return new RecentlyUsed<LensResult>(CAPACITY);
}

/** How many cells a result holds: what the cache measures results by. */
export function cellsOf(result: LensResult): number {
  return result.artifacts.reduce((sum, artifact) => sum + artifactCells(artifact), 1);
}

function artifactCells(artifact: Artifact): number {
  switch (artifact.kind) {
    case 'matrix':
      return artifact.rows.length * artifact.columns.length;
    case 'series':
      return artifact.x.values.length * (1 + artifact.lines.length);
    case 'table':
      return tableCells(artifact);
    case 'histogram':
      return artifact.counts.length;
    case 'scatter':
      return artifact.points.length;
    case 'tree':
      return artifact.leaves.length;
    case 'graph':
      return artifact.nodes.length + artifact.edges.length;
    case 'note':
      return artifact.text.length;
  }
}

function tableCells(table: Table): number {
  return table.rows.length * table.columns.length;
}
