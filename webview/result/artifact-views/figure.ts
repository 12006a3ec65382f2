import type { FigureOptions } from '../../../src/figure/figure-options';
import { drawFigure, drawingToShape, type Figure } from '../../../src/figure/svg';
import { element, mountShape } from '../../dom';
import { themePalette } from '../../theme';
import type { ArtifactView } from './view';

/** A figure with heading and caption, drawn as it would be exported but in the theme's colours. `controls` stand below it. */
export function figureView(
  artifact: Figure,
  options: () => FigureOptions = () => ({}),
  controls: HTMLElement | null = null,
): ArtifactView {
  const holder = element('div', { class: 'figure-holder' });
  const draw = () => {
    const palette = themePalette();
    const drawing = drawFigure(artifact, { ...options(), palette, bare: true });
    holder.replaceChildren(mountShape(drawingToShape(drawing, palette, false)));
  };
  draw();
  const caption = artifact.caption ? element('p', { class: 'muted caption', text: artifact.caption }) : null;
  return {
    element: element(
      'section',
      { class: 'artifact' },
      element('h3', { text: artifact.title }),
      caption,
      holder,
      controls,
    ),
    recolour: draw,
  };
}
