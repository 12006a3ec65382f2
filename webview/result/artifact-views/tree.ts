import type { Tree } from '../../../src/protocol/artifact';
import { choosableFigureView } from './figure';
import type { ArtifactRenderer } from './view';

/** A dendrogram by itself. */
export const renderTree: ArtifactRenderer<Tree> = (tree, context) => choosableFigureView(tree, context);
