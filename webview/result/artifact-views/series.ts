import type { Series } from '../../../src/protocol/artifact';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** Lines over one shared axis. */
export const renderSeries: ArtifactRenderer<Series> = (series) =>
  figureView(series, () => ({ width: 720, height: 320 }));
