import { DIVERGING, SEQUENTIAL } from './colour-ramps';

/** All colours of a figure. A view fills it from the theme, an export uses {@link LIGHT_PALETTE}. */
export interface Palette {
  readonly background: string;
  readonly foreground: string;
  /** Axis titles, captions. */
  readonly muted: string;
  /** Axes and grid. */
  readonly line: string;
  /** Bars and single lines. */
  readonly accent: string;
  /** Lines and categories, in this order, again from the start when they run out. */
  readonly series: readonly string[];
  /** Five stops, from the least to the most. */
  readonly sequential: readonly string[];
  /** Five stops, from the negative through zero to the positive end. */
  readonly diverging: readonly string[];
  /** Colour of the hatching of an undefined cell. */
  readonly undefinedCell: string;
  readonly fontFamily: string;
}

// Okabe & Ito's qualitative palette (2008), which stays apart for all common kinds of colour blindness.
const QUALITATIVE = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f'];

/** For paper and white pages. */
export const LIGHT_PALETTE: Palette = {
  background: '#ffffff',
  foreground: '#1f1f1f',
  muted: '#5f5f5f',
  line: '#d0d0d0',
  accent: '#0072b2',
  series: QUALITATIVE,
  sequential: SEQUENTIAL.light,
  diverging: DIVERGING.light,
  undefinedCell: '#9a9a9a',
  fontFamily: 'system-ui, "Segoe UI", Ubuntu, "Helvetica Neue", Arial, sans-serif',
};
