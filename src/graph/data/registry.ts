import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { DataOptions } from '../../protocol/data';
import { problemFromError, type Result } from '../../protocol/result';
import type { DataFormat, DataSet } from './data-set';
import { csv } from './csv';
import { openImages } from './images';
import { jsonl } from './jsonl';
import { npy } from './npy';
import { npz } from './npz';
import { refuse } from './problems';
import { safetensorsArrays } from './safetensors-arrays';
import { txt } from './txt';

/** Every format of data files. */
export const DATA_FORMATS: readonly DataFormat[] = [npz, npy, safetensorsArrays, jsonl, csv, txt];

/**
 * Opens a data file by the ending of its name, or a folder of images: reads its directory, and no more values than that takes. What belongs to
 * the model is looked for beside the file, then in the folders `near`. Fails with a
 * code of `problems.ts` or the operating system's answer; never throws.
 */
export async function openData(
  path: string,
  options: DataOptions = {},
  near: readonly string[] = [],
): Promise<Result<DataSet>> {
  const absolute = paths.resolve(path);
  try {
    const found = await fs.stat(absolute);
    if (found.isDirectory()) return await openImages(absolute, options, near);
    const format = formatOf(absolute);
    if (format !== null) return await format.open(absolute, options, [paths.dirname(absolute), ...near]);
    const endings = DATA_FORMATS.flatMap((each) => each.endings).join(', ');
    return refuse('data-format', absolute, `${absolute} has none of the endings of data files: ${endings}.`);
  } catch (error) {
    return { ok: false, problem: problemFromError(error, absolute) };
  }
}

/** The format that the ending of a name tells; `null` where it tells none. */
export function formatOf(path: string): DataFormat | null {
  const name = paths.basename(path).toLowerCase();
  return DATA_FORMATS.find((format) => format.endings.some((ending) => name.endsWith(ending))) ?? null;
}
