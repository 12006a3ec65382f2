import type { Palette } from './palette';

/** How a figure is drawn. Everything is optional; without any it is drawn for paper. */
export interface FigureOptions {
  readonly palette?: Palette;
  /** Sequential matrices, and counts of histograms, on a logarithmic scale. */
  readonly logarithmic?: boolean;
  /** Title of one of a matrix's orders. */
  readonly order?: string;
  /** The range that colours span, where several figures share one. */
  readonly domain?: readonly [number, number] | null;
  /** Size of a histogram, series or scatter in pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Leaves a histogram's cuts to who draws handles over them. */
  readonly withoutCuts?: boolean;
  /** Leaves the title and caption out, for a place that shows them anyway. */
  readonly bare?: boolean;
}
