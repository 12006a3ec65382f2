import type { Scatter } from '../../../src/protocol/artifact';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Points in the plane. */
export const renderScatter: ArtifactRenderer<Scatter> = (scatter) => figureView(scatter);
