import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { architectureFrom, type ReadArchitecture } from './architecture';
import { modelFinding } from './finding-codes';

/** Real ones are a few kilobytes. */
const LARGEST = 2 * 2 ** 20;
/** `params.json` lies beside the weights of Llama as released. */
const NAMES = ['config.json', 'params.json'];

/**
 * Reads the configuration in a folder of weights. A missing one is no finding; one that cannot be read, is larger than
 * 2 MiB or holds no JSON is `model-config-invalid`.
 */
export async function readArchitecture(folder: string): Promise<ReadArchitecture> {
  for (const name of NAMES) {
    const path = join(folder, name);
    try {
      const { size } = await stat(path);
      if (size > LARGEST) return invalid(path, `${path} is larger than a model's configuration can be.`);
      const json: unknown = JSON.parse(await readFile(path, 'utf8'));
      return architectureFrom(json, path);
    } catch (error) {
      if (error instanceof SyntaxError) return invalid(path, `${path} is not valid JSON: ${error.message}.`);
      if (!isMissing(error)) return invalid(path, `${path} cannot be read: ${String(error)}.`);
    }
  }
  return { architecture: null, findings: [] };
}

/** Reads the configuration beside a checkpoint's weights. */
export function architectureBeside(checkpoint: Checkpoint): Promise<ReadArchitecture> {
  return readArchitecture(dirname(checkpoint.files[0]?.path ?? checkpoint.path));
}

function invalid(path: string, message: string): ReadArchitecture {
  return { architecture: null, findings: [modelFinding('model-config-invalid', path, message)] };
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
