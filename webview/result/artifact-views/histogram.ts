import type { Histogram } from '../../../src/protocol/artifact';
import { element } from '../../dom';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** A histogram with a switch for logarithmic counts. */
export const renderHistogram: ArtifactRenderer<Histogram> = (histogram) => {
  const check = element('input', {
    attributes: { type: 'checkbox' },
    on: { change: () => view.recolour?.() },
  });
  const controls = element('label', { class: 'check' }, check, 'Logarithmic counts');
  const view = figureView(histogram, () => ({ logarithmic: check.checked, width: 560 }), controls);
  return view;
};
