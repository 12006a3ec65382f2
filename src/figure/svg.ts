import type { Artifact, Graph, Histogram, Matrix, Scatter, Series, Tree } from '../protocol/artifact';
import type { FigureOptions } from './figure-options';
import { drawGraph } from './graph-figure';
import { drawHistogram } from './histogram-figure';
import { drawMatrix } from './matrix-figure';
import { sharedDomain } from './matrix-values';
import { LIGHT_PALETTE, type Palette } from './palette';
import { drawScatter } from './scatter-figure';
import { drawSeries } from './series-figure';
import { label, shape, shapeToText, type Drawing, type Shape } from './shape';
import { drawTree } from './tree-figure';

/** The artifacts that have a picture; tables and notes are text. */
export type Figure = Matrix | Tree | Histogram | Series | Scatter | Graph;

/** Whether an artifact has a picture. */
export function isFigure(artifact: Artifact): artifact is Figure {
  return artifact.kind !== 'table' && artifact.kind !== 'note';
}

/** Draws any figure. */
export function drawFigure(figure: Figure, options: FigureOptions = {}): Drawing {
  switch (figure.kind) {
    case 'matrix':
      return drawMatrix(figure, options);
    case 'tree':
      return drawTree(figure, options);
    case 'histogram':
      return drawHistogram(figure, options);
    case 'series':
      return drawSeries(figure, options);
    case 'scatter':
      return drawScatter(figure, options);
    case 'graph':
      return drawGraph(figure, options);
  }
}

/** A figure as a complete SVG file with its background: opens anywhere, refers to nothing outside itself. */
export function figureToSvg(figure: Figure, options: FigureOptions = {}): string {
  return drawingToSvg(drawFigure(figure, options), options.palette);
}

/** Matrices side by side in one SVG file, their colours over one shared domain. */
export function matricesToSvg(matrices: readonly Matrix[], options: FigureOptions = {}): string {
  const domain = options.domain ?? sharedDomain(matrices);
  const drawings = matrices.map((matrix) => drawMatrix(matrix, { ...options, domain }));
  const across = Math.ceil(Math.sqrt(drawings.length));
  const width = Math.max(0, ...drawings.map((drawing) => drawing.width));
  const height = Math.max(0, ...drawings.map((drawing) => drawing.height));
  const shapes = drawings.map((drawing, index) => {
    const x = (index % across) * width;
    const y = Math.floor(index / across) * height;
    return shape('g', { transform: `translate(${String(x)} ${String(y)})` }, ...drawing.shapes);
  });
  const title = matrices[0]?.title ?? '';
  const rows = Math.ceil(drawings.length / across);
  return drawingToSvg({ width: width * across, height: height * rows, title, shapes }, options.palette);
}

/** A drawing as an SVG file. */
export function drawingToSvg(drawing: Drawing, palette: Palette = LIGHT_PALETTE): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${shapeToText(drawingToShape(drawing, palette, true))}\n`;
}

/** The `svg` element of a drawing; with `background` it stands on its own. */
export function drawingToShape(drawing: Drawing, palette: Palette, background: boolean): Shape {
  const width = Math.ceil(drawing.width);
  const height = Math.ceil(drawing.height);
  return shape(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${String(width)} ${String(height)}`,
      role: 'img',
      'font-family': palette.fontFamily,
      fill: palette.foreground,
    },
    shape('title', {}, drawing.title),
    ...(background ? [shape('rect', { width, height, fill: palette.background })] : []),
    ...drawing.shapes,
  );
}

/** What a result shows as one SVG file: its first figure, or a file that says there is none. */
export function resultToSvg(artifacts: readonly Artifact[], options: FigureOptions = {}): string {
  const figure = artifacts.find(isFigure);
  if (figure) return figureToSvg(figure, options);
  const shapes = [label('This result has no figure, only tables.', 16, 28)];
  return drawingToSvg({ width: 320, height: 48, title: 'No figure', shapes }, options.palette);
}
