import type { Scatter } from '../../../src/protocol/artifact';
import { choosableFigureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Points in the plane. */
export const renderScatter: ArtifactRenderer<Scatter> = (scatter, context) =>
  choosableFigureView(scatter, context);
