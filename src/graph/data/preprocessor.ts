import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { problemFromError, success, type Result } from '../../protocol/result';
import { toGrey } from './decode-picture';
import { refuse } from './problems';
import { isFilter, resize, type Picture } from './resample';

/** What an image processor of the transformers library does with a picture, read from its preprocessor_config.json. */
export interface Preprocessor {
  readonly channels: 1 | 3;
  /** `null`: pictures keep their size. */
  readonly resize: {
    readonly to: PictureSize | { readonly shortest: number };
    readonly filter: number;
  } | null;
  readonly crop: PictureSize | null;
  /** What an 8-bit value is multiplied with. */
  readonly scale: number;
  /** By channel; mean 0 and deviation 1 where nothing is normalised. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

const LARGEST_CONFIG = 2 ** 22;
const LARGEST_SIDE = 8192;
const BILINEAR = 2;
type Json = Readonly<Record<string, unknown>>;

/** Opens `said`, or the first preprocessor_config.json in the folders `near`. Fails with `data-preprocessor`. */
export async function openPreprocessor(
  said: string | undefined,
  near: readonly string[],
  data: string,
): Promise<Result<Preprocessor>> {
  const candidates =
    said === undefined ? near.map((folder) => join(folder, 'preprocessor_config.json')) : [said];
  for (const path of candidates) {
    try {
      const { size } = await fs.stat(path);
      if (size > LARGEST_CONFIG) return refuse('data-preprocessor', path, `${path} is larger than 4 MiB.`);
      const json: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
      if (typeof json !== 'object' || json === null)
        return refuse('data-preprocessor', path, `${path} is no JSON object.`);
      return readPreprocessor(json as Json, path);
    } catch (error) {
      const problem = problemFromError(error, path);
      if (problem.code !== 'file-missing')
        return refuse('data-preprocessor', path, `${path} cannot be read: ${problem.message}`);
    }
  }
  const places = candidates.join(', ');
  return refuse(
    'data-preprocessor',
    data,
    `${data} is a folder of images, and there is no preprocessor_config.json: ${places}.`,
  );
}

/** Reads the fields that say what happens to pixels; anything that would be done and is not known here is refused. */
export function readPreprocessor(json: Json, path: string): Result<Preprocessor> {
  const wrong = (what: string): Result<never> => refuse('data-preprocessor', path, `${path}: ${what}.`);
  const beyond = [
    'do_pad',
    'do_thumbnail',
    'do_align_long_axis',
    'do_reduce_labels',
    'crop_pct',
    'size_divisor',
  ].find((key) => json[key] !== undefined && json[key] !== null && json[key] !== false);
  if (beyond !== undefined) return wrong(`"${beyond}" asks for what is not done here`);
  const normalised = json['do_normalize'] !== false && json['image_mean'] !== undefined;
  const mean = normalised ? json['image_mean'] : undefined;
  const deviation = normalised ? json['image_std'] : undefined;
  if (
    normalised &&
    (!isChannels(mean) || !isChannels(deviation) || mean.length !== deviation.length || deviation.includes(0))
  ) {
    return wrong('"image_mean" and "image_std" are no numbers for one or three channels');
  }
  const channels = isChannels(mean) && mean.length === 1 ? 1 : 3;
  const filter = json['resample'] ?? BILINEAR;
  if (typeof filter !== 'number' || !isFilter(filter)) return wrong('"resample" is none of 0 to 5');
  const resizes = json['do_resize'] !== false && json['size'] !== undefined;
  const to = resizes ? sizeOf(json['size'], shortestSide(json)) : null;
  if (resizes && to === null) return wrong('"size" is none of a number, height and width, and shortest_edge');
  const crops = json['do_center_crop'] === true;
  const crop = crops ? sizeOf(json['crop_size'] ?? json['size'], false) : null;
  if (crops && (crop === null || 'shortest' in crop)) return wrong('"crop_size" is no height and width');
  const scale = json['do_rescale'] === false ? 1 : (json['rescale_factor'] ?? 1 / 255);
  if (typeof scale !== 'number' || !Number.isFinite(scale)) return wrong('"rescale_factor" is no number');
  return success({
    channels,
    resize: to === null ? null : { to, filter },
    crop: crop === null || 'shortest' in crop ? null : crop,
    scale,
    mean: isChannels(mean) ? mean : Array.from({ length: channels }, () => 0),
    deviation: isChannels(deviation) ? deviation : Array.from({ length: channels }, () => 1),
  });
}

/** CLIP's processors take a single number as the shorter side, all others as both sides. */
function shortestSide(json: Json): boolean {
  const kind = json['image_processor_type'] ?? json['feature_extractor_type'];
  return typeof kind === 'string' && kind.startsWith('CLIP');
}

function sizeOf(value: unknown, shortest: boolean): PictureSize | { readonly shortest: number } | null {
  if (isSide(value)) return shortest ? { shortest: value } : { height: value, width: value };
  if (typeof value !== 'object' || value === null) return null;
  const { height, width, shortest_edge: edge, longest_edge: other } = value as Json;
  if (isSide(height) && isSide(width)) return { height, width };
  return isSide(edge) && other === undefined ? { shortest: edge } : null;
}

function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= LARGEST_SIDE;
}

function isChannels(value: unknown): value is readonly number[] {
  return Array.isArray(value) && (value.length === 1 || value.length === 3) && value.every(Number.isFinite);
}

/** The size that every picture has after {@link preprocess}; `null` where that depends on the picture. */
export function sizeAfter({ resize: resizing, crop }: Preprocessor): PictureSize | null {
  if (crop !== null) return crop;
  return resizing === null || 'shortest' in resizing.to ? null : resizing.to;
}

/**
 * Resizes, crops and normalises a picture of three channels: values by channel, row and column, `(x·scale − mean) / deviation`
 * in float64, rounded to float32 once (the transformers library rounds in between: the last digit may differ). Fails with
 * `data-image` where the picture is smaller than its crop.
 */
export function preprocess(
  picture: Picture,
  { channels, resize: resizing, crop, scale, mean, deviation }: Preprocessor,
  path: string,
): Result<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
  const coloured = channels === 1 ? toGrey(picture) : picture;
  const target = resizing === null ? coloured : targetOf(coloured, resizing.to);
  if (target.width * target.height > LARGEST_SIDE * LARGEST_SIDE) {
    return refuse(
      'data-image',
      path,
      `${path} would become ${String(target.width)} × ${String(target.height)} pixels.`,
    );
  }
  const sized = resizing === null ? coloured : resize(coloured, target.width, target.height, resizing.filter);
  const { height, width } = crop ?? sized;
  if (height > sized.height || width > sized.width) {
    const has = `${String(sized.width)} × ${String(sized.height)}`;
    return refuse(
      'data-image',
      path,
      `${path} has ${has} pixels, and ${String(width)} × ${String(height)} are to be cut out.`,
    );
  }
  const top = Math.floor((sized.height - height) / 2);
  const left = Math.floor((sized.width - width) / 2);
  const data = new Float32Array(channels * height * width);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = sized.data[((top + y) * sized.width + left + x) * channels + c] ?? 0;
        data[at++] = (value * scale - (mean[c] ?? 0)) / (deviation[c] ?? 1);
      }
    }
  }
  return success({ shape: [channels, height, width], data });
}

/** The shorter side as given, the longer one in proportion, cut to a whole number. */
function targetOf(
  { width, height }: PictureSize,
  to: PictureSize | { readonly shortest: number },
): PictureSize {
  if (!('shortest' in to)) return to;
  const longer = Math.trunc((to.shortest * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: to.shortest, height: longer } : { width: longer, height: to.shortest };
}
