import { interpolateLab, rgb } from 'd3';

/**
 * Five stops each. The sequential ramp runs from blue to yellow with steadily changing lightness, in the manner of
 * cividis (Nuñez, Anderton & Renslow 2018), so that it reads the same with and without red-green colour vision. Little is always near
 * the background: dark on dark, light on light.
 */
export const SEQUENTIAL: Readonly<Record<'light' | 'dark', readonly string[]>> = {
  light: ['#fdf3b5', '#d9c368', '#96907a', '#4f5f7e', '#06284f'],
  dark: ['#12304f', '#45587a', '#85837b', '#c5b45f', '#fff0a0'],
};

/** Blue to orange through a grey that is near the background; both colours differ for every kind of colour blindness. */
export const DIVERGING: Readonly<Record<'light' | 'dark', readonly string[]>> = {
  light: ['#0b5394', '#7fb2dc', '#ececec', '#f0a860', '#a34700'],
  dark: ['#7cc0ff', '#3a6f9f', '#3d4045', '#a9692a', '#ffb460'],
};

/** The colour at `position` (0..1, clamped) of a ramp, interpolated in CIE Lab so that equal steps look equal; `#rrggbb`. */
export function rampColour(stops: readonly string[], position: number): string {
  const last = stops.length - 1;
  const at = Math.min(Math.max(position, 0), 1) * last;
  const index = Math.min(Math.floor(at), Math.max(0, last - 1));
  const from = stops[index] ?? '#000000';
  const to = stops[index + 1] ?? from;
  return rgb(interpolateLab(from, to)(at - index)).formatHex();
}

/** `size` colours of a ramp as packed bytes, `size × 3`, for painting pixels. */
export function rampTable(stops: readonly string[], size: number): Uint8Array {
  const table = new Uint8Array(size * 3);
  for (let index = 0; index < size; index++) {
    const { r, g, b } = rgb(rampColour(stops, size === 1 ? 0 : index / (size - 1)));
    table.set([r, g, b], index * 3);
  }
  return table;
}

/** Relative luminance 0..1 of a colour (WCAG 2.2, definition of relative luminance). */
export function relativeLuminance(colour: string): number {
  const { r, g, b } = rgb(colour);
  const [red, green, blue] = [r, g, b].map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever reads better on `colour`. */
export function readableOn(colour: string): string {
  // Contrast with white is (1.05)/(L+0.05), with black (L+0.05)/0.05: equal where (L+0.05)² = 0.0525.
  return relativeLuminance(colour) > Math.sqrt(0.0525) - 0.05 ? '#000000' : '#ffffff';
}
