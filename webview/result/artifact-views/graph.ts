import type { Graph } from '../../../src/protocol/artifact';
import { choosableFigureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Nodes in columns, joined by arcs. */
export const renderGraph: ArtifactRenderer<Graph> = (graph, context) => choosableFigureView(graph, context);
