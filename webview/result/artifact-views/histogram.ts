import type { FigureOptions } from '../../../src/figure/figure-options';
import type { Histogram } from '../../../src/protocol/artifact';
import { element } from '../../dom';
import { cutHandles } from './cut-handles';
import { figureView } from './figure';
import type { ArtifactRenderer } from './view';

/** A histogram with a switch for logarithmic counts, and handles where it has cuts. */
export const renderHistogram: ArtifactRenderer<Histogram> = (histogram, context) => {
  const check = element('input', {
    attributes: { type: 'checkbox' },
    on: { change: () => view.recolour?.() },
  });
  const logarithmic = element('label', { class: 'check' }, check, 'Logarithmic counts');
  const options = (): FigureOptions => ({
    logarithmic: check.checked,
    width: 560,
    bare: true,
    withoutCuts: context.runWith !== undefined,
  });
  const handles = context.runWith ? cutHandles(histogram, options(), context) : null;
  const controls = handles
    ? element('div', { class: 'histogram-controls' }, handles.readout, logarithmic)
    : logarithmic;
  const view = figureView(histogram, { options, controls, overlay: handles?.element ?? null });
  return view;
};
