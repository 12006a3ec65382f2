/** How many cells share a pixel when a cell is that many pixels: 1, 2, 4, 8, ... */
export function halvings(cellPixels: number): number {
  return cellPixels >= 1 ? 1 : 2 ** Math.ceil(Math.log2(1 / cellPixels));
}

/**
 * One pixel per cell, and on demand smaller versions where several rows or columns are averaged into one. Each direction is averaged by
 * itself, so that a crowded axis does not blur the other one, as a browser's own scaling would.
 */
export class CellBitmap {
  private readonly versions = new Map<string, HTMLCanvasElement>();

  constructor(private readonly pixels: ImageData) {}

  /** The version with that many rows and columns per pixel; made once. */
  averaged(rows: number, columns: number): HTMLCanvasElement {
    const key = `${String(rows)} ${String(columns)}`;
    const made = this.versions.get(key) ?? toCanvas(averagePixels(this.pixels, rows, columns));
    this.versions.set(key, made);
    return made;
  }
}

function averagePixels(pixels: ImageData, rows: number, columns: number): ImageData {
  if (rows === 1 && columns === 1) return pixels;
  const { width, height, data } = pixels;
  const small = new ImageData(Math.ceil(width / columns), Math.ceil(height / rows));
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const bottom = Math.min(height, (y + 1) * rows);
      const right = Math.min(width, (x + 1) * columns);
      small.data.set(
        meanColour(data, width, [x * columns, right], [y * rows, bottom]),
        (y * small.width + x) * 4,
      );
    }
  }
  return small;
}

/** Mean of the opaque pixels of a box, with their share as opacity. */
function meanColour(
  data: Uint8ClampedArray,
  width: number,
  [left, right]: readonly [number, number],
  [top, bottom]: readonly [number, number],
): [number, number, number, number] {
  let [red, green, blue, alpha] = [0, 0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = (y * width + x) * 4;
      const opacity = data[at + 3] as number;
      red += (data[at] as number) * opacity;
      green += (data[at + 1] as number) * opacity;
      blue += (data[at + 2] as number) * opacity;
      alpha += opacity;
    }
  }
  const count = (right - left) * (bottom - top);
  return alpha === 0 ? [0, 0, 0, 0] : [red / alpha, green / alpha, blue / alpha, alpha / count];
}

function toCanvas(pixels: ImageData): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
  return canvas;
}
