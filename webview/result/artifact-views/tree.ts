import type { Tree } from '../../../src/protocol/artifact';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** A dendrogram by itself. */
export const renderTree: ArtifactRenderer<Tree> = (tree) => figureView(tree);
