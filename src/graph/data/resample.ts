/** Pixels of 8 bits: rows from top to bottom, `channels` bytes a pixel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

interface Filter {
  /** Half of its width, in pixels of the source at scale 1. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Pillow's filters by their numbers, as `resample` of a preprocessor_config.json has them. */
const FILTERS: Readonly<Record<number, Filter>> = {
  1: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, weight: cubic },
  4: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, weight: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
};
const NEAREST = 0;

/** Whether a number of `resample` is known. */
export function isFilter(resample: number): boolean {
  return resample === NEAREST || Object.hasOwn(FILTERS, resample);
}

/** Keys 1981 with a = −1/2. */
function cubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/**
 * Resizes as Pillow's `Image.resize` does for 8-bit pictures, to the bit: the filter is widened where pixels are merged, first
 * along rows, then along columns, with weights of 22 binary places and rounding to 8 bits after each (Resample.c).
 */
export function resize(picture: Picture, width: number, height: number, resample: number): Picture {
  const filter = FILTERS[resample];
  if (filter === undefined) return nearest(picture, width, height);
  const rows = width === picture.width ? picture : alongRows(picture, width, filter);
  return height === rows.height ? rows : alongColumns(rows, height, filter);
}

const PLACES = 22;
const ONE = 2 ** PLACES;

/** Which source pixels make a target pixel, and with what weights in units of 2⁻²². */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

function tapsOf(from: number, to: number, { support, weight }: Filter): readonly Taps[] {
  const scale = from / to;
  const widened = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * widened + 0.5));
    const end = Math.min(from, Math.trunc(centre + support * widened + 0.5));
    const raw = Array.from({ length: end - first }, (__, x) => weight((x + first - centre + 0.5) / widened));
    const sum = raw.reduce((total, w) => total + w, 0);
    const weights = raw.map((w) => {
      const scaled = (sum === 0 ? w : w / sum) * ONE;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first, weights };
  });
}

function alongRows({ width, height, channels, data }: Picture, to: number, filter: Filter): Picture {
  const taps = tapsOf(width, to, filter);
  const resized = new Uint8Array(to * height * channels);
  for (let y = 0; y < height; y++) {
    for (const [x, { first, weights }] of taps.entries()) {
      for (let c = 0; c < channels; c++) {
        let sum = ONE / 2;
        for (let k = 0; k < weights.length; k++) {
          sum += (data[(y * width + first + k) * channels + c] ?? 0) * (weights[k] ?? 0);
        }
        resized[(y * to + x) * channels + c] = clipped(sum);
      }
    }
  }
  return { width: to, height, channels, data: resized };
}

function alongColumns({ width, height, channels, data }: Picture, to: number, filter: Filter): Picture {
  const taps = tapsOf(height, to, filter);
  const stride = width * channels;
  const resized = new Uint8Array(stride * to);
  for (const [y, { first, weights }] of taps.entries()) {
    for (let i = 0; i < stride; i++) {
      let sum = ONE / 2;
      for (let k = 0; k < weights.length; k++)
        sum += (data[(first + k) * stride + i] ?? 0) * (weights[k] ?? 0);
      resized[y * stride + i] = clipped(sum);
    }
  }
  return { width, height: to, channels, data: resized };
}

function clipped(sum: number): number {
  return Math.max(0, Math.min(255, Math.floor(sum / ONE)));
}

function nearest({ width, height, channels, data }: Picture, toWidth: number, toHeight: number): Picture {
  const resized = new Uint8Array(toWidth * toHeight * channels);
  for (let y = 0; y < toHeight; y++) {
    const fromRow = Math.min(height - 1, Math.floor(((y + 0.5) * height) / toHeight)) * width;
    for (let x = 0; x < toWidth; x++) {
      const from = (fromRow + Math.min(width - 1, Math.floor(((x + 0.5) * width) / toWidth))) * channels;
      resized.set(data.subarray(from, from + channels), (y * toWidth + x) * channels);
    }
  }
  return { width: toWidth, height: toHeight, channels, data: resized };
}
