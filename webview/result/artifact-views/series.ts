import type { Series } from '../../../src/protocol/artifact';
import { choosableFigureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Lines over one shared axis, or shares on top of each other. */
export const renderSeries: ArtifactRenderer<Series> = (series, context) =>
  choosableFigureView(series, context, { options: () => ({ width: 720, height: 320 }) });
