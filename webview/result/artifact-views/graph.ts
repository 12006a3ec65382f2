import type { Graph } from '../../../src/protocol/artifact';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Nodes in columns, joined by arcs. */
export const renderGraph: ArtifactRenderer<Graph> = (graph) => figureView(graph);
