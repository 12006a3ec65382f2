import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { quoted } from '../../format/problems';
import { withFile } from '../../format/read';
import type { DataOptions } from '../../protocol/data';
import { cancelled, success, type Result } from '../../protocol/result';
import { tensorValue, type TensorValue } from '../tensor-value';
import { refuseName } from './arrays-in-file';
import type { DataArray, DataSet } from './data-set';
import { decodePicture } from './decode-picture';
import { fingerprintOf } from './fingerprint';
import { readLabelNames } from './label-names';
import { openPreprocessor, preprocess, sizeAfter, type Preprocessor } from './preprocessor';
import { refuse } from './problems';
import { checkIndices, MOST_ROW_BYTES } from './rows';

const ENDINGS = /\.(png|jpe?g)$/i;
const MOST_IMAGES = 500_000;
const LARGEST_FILE = 2 ** 28;

/**
 * A folder of PNG and JPEG images as `pixel_values`; where they lie in folders, the names of those are `labels`: numbered
 * by `label2id` of a config.json beside the data or the model, else in the order of their names. Links are not followed. Fails
 * with `data-empty`, `data-too-large`, `data-preprocessor`; images are read, and may fail with `data-image`, when they are asked for.
 */
export async function openImages(
  path: string,
  options: DataOptions,
  near: readonly string[],
): Promise<Result<DataSet>> {
  const listed = await listImages(path);
  if (!listed.ok) return listed;
  const files = listed.value;
  const preprocessor = await openPreprocessor(options.preprocessor, [path, ...near], path);
  if (!preprocessor.ok) return preprocessor;
  const classes = [...new Set(files.map((file) => dirname(file)))].filter((folder) => folder !== path);
  const inFolders = classes.length > 0 && files.every((file) => dirname(file) !== path);
  const labels = inFolders
    ? await numberClasses(
        classes.map((folder) => basename(folder)),
        near,
        path,
      )
    : null;
  const { channels } = preprocessor.value;
  const { height, width } = sizeAfter(preprocessor.value) ?? { height: null, width: null };
  const pixels: DataArray = {
    name: 'pixel_values',
    type: 'float32',
    shape: [files.length, channels, height, width],
  };
  const arrays =
    labels === null ? [pixels] : [pixels, { name: 'labels', type: 'int64' as const, shape: [files.length] }];
  const { mtimeMs } = await fs.stat(path);
  return success({
    path,
    format: 'images',
    fingerprint: fingerprintOf({ path, bytes: files.length, modifiedMs: mtimeMs }, files.join('\n')),
    arrays,
    unreadable: [],
    rows: async (names, indices, { signal } = {}) => {
      const checked = checkIndices(path, indices, files.length);
      if (!checked.ok) return checked;
      const values = new Map<string, TensorValue>();
      for (const name of names) {
        if (!arrays.some((array) => array.name === name))
          return refuseName(
            path,
            name,
            arrays.map((array) => array.name),
            [],
          );
        if (name === 'labels' && labels !== null) {
          const own = indices.map((index) => labels.get(basename(dirname(files[index] ?? ''))) ?? NaN);
          values.set(name, tensorValue('int64', [own.length], own));
          continue;
        }
        const stacked = await readPixels(
          indices.map((index) => files[index] ?? ''),
          preprocessor.value,
          path,
          signal,
        );
        if (!stacked.ok) return stacked;
        values.set(name, stacked.value);
      }
      return success(values);
    },
  });
}

/** Images in a folder and in the folders in it, in the order of their names. */
async function listImages(path: string): Promise<Result<readonly string[]>> {
  const files: string[] = [];
  const inside = await fs.readdir(path, { withFileTypes: true });
  const sorted = inside.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of sorted) {
    const own = join(path, entry.name);
    if (entry.isFile() && ENDINGS.test(entry.name)) files.push(own);
    if (!entry.isDirectory()) continue;
    const deeper = await fs.readdir(own, { withFileTypes: true });
    const names = deeper.filter((file) => file.isFile() && ENDINGS.test(file.name)).map(({ name }) => name);
    for (const name of names.sort()) files.push(join(own, name));
    if (files.length > MOST_IMAGES) {
      return refuse('data-too-large', path, `${path} holds more than ${String(MOST_IMAGES)} images.`);
    }
  }
  return files.length > 0
    ? success(files)
    : refuse('data-empty', path, `${path} holds no PNG or JPEG image.`);
}

async function numberClasses(
  names: readonly string[],
  near: readonly string[],
  path: string,
): Promise<ReadonlyMap<string, number>> {
  const said = await readLabelNames(near, path);
  if (said.ok && names.every((name) => said.value.has(name))) return said.value;
  return new Map([...names].sort().map((name, i) => [name, i]));
}

async function readPixels(
  files: readonly string[],
  preprocessor: Preprocessor,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Result<TensorValue>> {
  let shape: readonly number[] | null = null;
  let data = new Float32Array(0);
  for (const [i, path] of files.entries()) {
    if (signal?.aborted === true) return cancelled();
    const own = await readImage(path, preprocessor);
    if (!own.ok) return own;
    if (shape === null) {
      shape = own.value.shape;
      if (own.value.data.byteLength * files.length > MOST_ROW_BYTES) {
        return refuse(
          'data-too-large',
          folder,
          `${folder}: ${String(files.length)} images do not fit into memory at once.`,
        );
      }
      data = new Float32Array(own.value.data.length * files.length);
    }
    if (shape.join() !== own.value.shape.join()) {
      const sizes = `[${shape.join(', ')}] and that of ${quoted(path)} [${own.value.shape.join(', ')}]`;
      return refuse('data-ragged', folder, `${folder}: the first image is ${sizes}.`);
    }
    data.set(own.value.data, i * own.value.data.length);
  }
  return success({ type: 'float32', shape: [files.length, ...(shape ?? [])], data });
}

async function readImage(
  path: string,
  preprocessor: Preprocessor,
): Promise<Result<{ readonly shape: readonly number[]; readonly data: Float32Array }>> {
  const bytes = await withFile(path, (file) =>
    file.bytes > LARGEST_FILE
      ? Promise.resolve(refuse('data-too-large', path, `${path} is larger than 256 MiB.`))
      : file.read(0, file.bytes),
  );
  if (!bytes.ok) return bytes;
  const picture = decodePicture(bytes.value, path);
  return picture.ok ? preprocess(picture.value, preprocessor, path) : picture;
}
