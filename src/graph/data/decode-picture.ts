import * as jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { success, type Result } from '../../protocol/result';
import { refuse } from './problems';
import type { Picture } from './resample';

/** Megapixels that are decoded at most; nothing is allocated for more. */
const MOST_MEGAPIXELS = 64;
const MOST_MEGABYTES = 768;

/**
 * Decodes a PNG or JPEG, by its first bytes, to three channels of 8 bits; transparency is dropped, as Pillow's
 * `convert("RGB")` drops it. PNG of 8 bits is exact. JPEG is near what Pillow decodes with libjpeg: within 3 of 255 where
 * colour is stored as finely as brightness, further off at edges of colour where it is stored coarser (4:2:0: 22 at most and
 * 5.5 in the mean of a test picture made of such edges), since libjpeg smooths between coarse pixels and this repeats
 * them. Fails with `data-image` or `data-too-large`.
 */
export function decodePicture(bytes: Uint8Array, path: string): Result<Picture> {
  try {
    if (isPng(bytes)) return decodePng(bytes, path);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return decodeJpeg(bytes);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 200);
    return refuse('data-image', path, `${path} cannot be decoded: ${reason}.`);
  }
  return refuse('data-image', path, `${path} is neither PNG nor JPEG.`, 'byte 0');
}

function isPng(bytes: Uint8Array): boolean {
  return (
    bytes.length > 24 && bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47
  );
}

function decodePng(bytes: Uint8Array, path: string): Result<Picture> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height] = [buffer.readUInt32BE(16), buffer.readUInt32BE(20)];
  if (width * height > MOST_MEGAPIXELS * 1e6) {
    return refuse(
      'data-too-large',
      path,
      `${path} claims ${String(width)} × ${String(height)} pixels.`,
      'byte 16',
    );
  }
  const { data } = PNG.sync.read(buffer);
  return success(withoutAlpha(width, height, data));
}

function decodeJpeg(bytes: Uint8Array): Result<Picture> {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: MOST_MEGAPIXELS,
    maxMemoryUsageInMB: MOST_MEGABYTES,
  });
  return success({ width, height, channels: 3, data });
}

function withoutAlpha(width: number, height: number, rgba: Uint8Array): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, channels: 3, data };
}

/** Brightness alone, as Pillow's `convert("L")` rounds it (ITU-R 601-2 in 16 binary places). */
export function toGrey({ width, height, data }: Picture): Picture {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const [r = 0, g = 0, b = 0] = data.subarray(3 * i, 3 * i + 3);
    grey[i] = (r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: grey };
}
