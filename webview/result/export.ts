import { matricesToCsv, resultToCsv, tableToCsv } from '../../src/figure/csv';
import { resultToJson } from '../../src/figure/json';
import { drawingToSvg, figureToSvg, isFigure, matricesToSvg, resultToSvg } from '../../src/figure/svg';
import { drawMatrix } from '../../src/figure/matrix-figure';
import { sharedDomain } from '../../src/figure/matrix-values';
import type { LensResult, Table } from '../../src/protocol/artifact';
import type { ExportFormat } from '../../src/protocol/panel';
import type { Shown } from './shown';

/** What an export is made of: what is on screen, not the whole result, but for JSON. */
export interface ExportSource {
  readonly result: LensResult;
  readonly shown: Shown;
  /** The table on screen, in table view, unless it is that of the matrix. */
  readonly table: Table | null;
}

export interface Exported {
  readonly data: string;
  readonly name: string;
}

// A canvas larger than this fails in some browsers without a word.
const MOST_PIXELS = 16_000;

/** Makes an export: text, or base64 for PNG. Pictures are drawn for white paper, whatever the theme. */
export async function makeExport(
  format: Exclude<ExportFormat, 'html'>,
  source: ExportSource,
): Promise<Exported> {
  const name = `${fileName(source)}.${format}`;
  switch (format) {
    case 'svg':
      return { name, data: svgOf(source) };
    case 'png':
      return { name, data: await rasterise(svgOf(source)) };
    case 'csv':
      return { name, data: csvOf(source) };
    case 'json':
      return { name, data: resultToJson(source.result) };
  }
}

function svgOf({ result, shown }: ExportSource): string {
  const options = { logarithmic: shown.logarithmic, order: shown.order };
  if (shown.matrices.length > 1) return matricesToSvg(shown.matrices, options);
  if (shown.matrix) {
    return drawingToSvg(drawMatrix(shown.matrix, { ...options, domain: sharedDomain(shown.matrices) }));
  }
  const figure = shown.others.find(isFigure);
  return figure ? figureToSvg(figure) : resultToSvg(result.artifacts);
}

function csvOf({ result, shown, table }: ExportSource): string {
  if (table) return tableToCsv(table);
  return shown.matrices.length > 0 ? matricesToCsv(shown.matrices, shown.order) : resultToCsv(result);
}

function fileName({ result, shown, table }: ExportSource): string {
  const facets = Object.entries(shown.facets).filter(([name]) => !(shown.sideBySide && name === 'task'));
  const parts = [result.lens, result.study, ...(table ? [table.id] : facets.map(([, value]) => value))];
  // Only what every file system takes in a name.
  return parts
    .map((part) => part.replace(/[^\p{L}\p{N}_-]+/gu, '-').replace(/^-+|-+$/g, ''))
    .filter(Boolean)
    .join('-')
    .slice(0, 120);
}

/** Draws an SVG on a canvas at twice its size, or at what a canvas can hold, and gives the PNG in base64. */
async function rasterise(svg: string): Promise<string> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = Math.min(2, MOST_PIXELS / Math.max(image.naturalWidth, image.naturalHeight, 1));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/png').replace(/^data:image\/png;base64,/, '');
  } finally {
    URL.revokeObjectURL(url);
  }
}
