import { entriesOf } from '../../../src/figure/entries';
import type { FigureOptions } from '../../../src/figure/figure-options';
import { drawFigure, drawingToShape, type Figure } from '../../../src/figure/svg';
import type { Graph, Scatter, Series, Tree } from '../../../src/protocol/artifact';
import { element, mountShape } from '../../dom';
import { themePalette } from '../../theme';
import { chooseMarks } from './marks';
import type { ArtifactView, ViewContext } from './view';

/** What a figure may have besides its drawing. */
export interface FigureParts {
  readonly options?: () => FigureOptions;
  /** Stand below the drawing. */
  readonly controls?: HTMLElement | null;
  /** Lies over the drawing. */
  readonly overlay?: HTMLElement | null;
}

/** A figure with heading and caption, drawn as it would be exported but in the theme's colours. */
export function figureView(artifact: Figure, parts: FigureParts = {}): ArtifactView {
  const { holder, view } = figureParts(artifact, parts);
  const draw = drawInto(holder, artifact, parts);
  draw();
  return { element: view, recolour: draw };
}

/** The same for a figure whose marks stand for places in the network or for tasks, so that they can be chosen. */
export function choosableFigureView(
  artifact: Scatter | Tree | Graph | Series,
  context: ViewContext,
  parts: FigureParts = {},
): ArtifactView {
  const { holder, view } = figureParts(artifact, parts);
  const draw = drawInto(holder, artifact, parts);
  const marks = chooseMarks(holder, entriesOf(artifact), artifact.title, context);
  draw();
  return {
    element: view,
    recolour: () => {
      draw();
      marks.redrawn();
    },
    select: (selection) => marks.select(selection),
  };
}

function figureParts(artifact: Figure, { controls = null, overlay = null }: FigureParts) {
  const holder = element('div', { class: 'figure-holder' });
  const stage = element('div', { class: 'figure-stage' }, holder, overlay);
  const caption = artifact.caption ? element('p', { class: 'muted caption', text: artifact.caption }) : null;
  const heading = element('h3', { text: artifact.title });
  const view = element('section', { class: 'artifact' }, heading, caption, stage, controls);
  return { holder, view };
}

function drawInto(holder: HTMLElement, artifact: Figure, { options }: FigureParts): () => void {
  return () => {
    const palette = themePalette();
    const drawing = drawFigure(artifact, { ...options?.(), palette, bare: true });
    holder.replaceChildren(mountShape(drawingToShape(drawing, palette, false)));
  };
}
