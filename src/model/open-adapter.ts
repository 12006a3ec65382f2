import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { failure, problemFromError, success, type Result } from '../protocol/result';
import { readAdapterConfig } from './adapter-config';
import { describeAdapter, type AdapterDescription } from './adapter-modules';
import { refuse } from './finding-codes';
import { isSavedWhole, parsePeftTensorName } from './peft-names';

const CONFIG_NAME = 'adapter_config.json';
const LARGEST_CONFIG = 2 * 1024 * 1024;

/**
 * Describes an opened checkpoint as the adapter that it is; `null` where it is none, even with an adapter beside it.
 * Fails with `adapter-config-missing`, as {@link readAdapterConfig} does, or with the operating system's answer.
 */
export async function openAdapter(checkpoint: Checkpoint): Promise<Result<AdapterDescription | null>> {
  const weights = checkpoint.files[0]?.path ?? checkpoint.path;
  const hasFactors = checkpoint.tensors.some(({ name }) => isFactor(name));
  if (!hasFactors && !/^adapter/i.test(basename(weights))) return success(null);
  const path = join(dirname(weights), CONFIG_NAME);
  const text = await readSmallText(path);
  if (!text.ok) {
    if (text.problem.code !== 'file-missing') return text;
    if (!hasFactors) return success(null);
    return refuse(
      'adapter-config-missing',
      weights,
      `${weights} holds factors of an adapter, but there is no ${CONFIG_NAME} beside it.`,
    );
  }
  const config = readAdapterConfig(text.value, path);
  return config.ok ? success(describeAdapter(config.value, checkpoint.tensors, weights)) : config;
}

function isFactor(name: string): boolean {
  const parsed = parsePeftTensorName(name);
  return parsed !== null && !isSavedWhole(parsed.factor) && parsed.module !== '';
}

/** Reads a configuration; fails with `json-syntax` where it is far too large to be one, else as the operating system says. */
async function readSmallText(path: string): Promise<Result<string>> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > LARGEST_CONFIG)
        return refuse('json-syntax', path, `${path} is larger than 2 MB, so it is no configuration.`);
      return success(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    return failure(problemFromError(error, path));
  }
}
