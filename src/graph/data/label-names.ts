import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { success, type Result } from '../../protocol/result';
import { refuse } from './problems';

const LARGEST_CONFIG = 2 ** 24;

/**
 * Numbers of labels by name, from `label2id` of the first config.json in the folders `near` that has it. Fails with
 * `data-labels`, naming `data` as the file that needs them.
 */
export async function readLabelNames(
  near: readonly string[],
  data: string,
): Promise<Result<ReadonlyMap<string, number>>> {
  for (const folder of near) {
    const found = await namesIn(join(folder, 'config.json'));
    if (found !== null) return success(found);
  }
  const message = `${data} has labels that are texts, and no config.json beside the data or the model numbers them ("label2id").`;
  return refuse('data-labels', data, message);
}

async function namesIn(path: string): Promise<ReadonlyMap<string, number> | null> {
  try {
    const { size } = await fs.stat(path);
    if (size > LARGEST_CONFIG) return null;
    const config: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
    if (typeof config !== 'object' || config === null || !('label2id' in config)) return null;
    const pairs = Object.entries(config.label2id as object);
    return new Map(pairs.flatMap(([name, id]) => (typeof id === 'number' ? [[name, id] as const] : [])));
  } catch {
    // No configuration, or none that can be read: then the labels have no numbers, which is what is said.
    return null;
  }
}
