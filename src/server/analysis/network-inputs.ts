import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Study } from '../../model/study';
import type { LensResult } from '../../protocol/artifact';

/** What a model's folder holds beside its weights that decides how data become inputs. */
const BESIDE = [
  'config.json',
  'preprocessor_config.json',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer_config.json',
];
const FISHER_BESIDE = ['optimizer.pt', 'parameter_order.json'];
/** Files of a folder that are looked at: enough for any folder of images that is looked through by hand. */
const MOST_FILES = 100_000;

/**
 * Graph and data sets of a study, each with a fingerprint that changes when anything does that a run reads of it: the
 * graph with the other files of its folder (its external data may have any name), a data set with its options, all
 * files of its folder where it is one, and tokenizer and preprocessor beside graph, base and data. Sizes and times of
 * modification stand for contents. Missing files are for the lens to report.
 */
export async function networkInputs({ spec, base }: Study): Promise<LensResult['inputs']> {
  const { graph, data = [], fisher = [] } = spec;
  const models = [...(graph === undefined ? [] : [graph]), ...(base?.files.map((file) => file.path) ?? [])];
  const folders = [...new Set(models.map((file) => path.dirname(file)))];
  const inputs: LensResult['inputs'][number][] = [];
  if (graph !== undefined) {
    const fingerprint = await fingerprintOf([graph, ...(await filesIn(path.dirname(graph), false))]);
    inputs.push({ name: 'graph', path: graph, fingerprint });
  }
  for (const { name, path: file, options } of data) {
    const near = [...folders, file, path.dirname(file)].flatMap((folder) =>
      BESIDE.map((each) => path.join(folder, each)),
    );
    const files = [file, ...(await filesIn(file, true)), ...near];
    inputs.push({ name, path: file, fingerprint: await fingerprintOf(files, JSON.stringify(options ?? {})) });
  }
  for (const { name, path: file } of fisher) {
    // A folder stands for the state of an optimiser in it; what names the parameters lies beside.
    const beside = [file, path.dirname(file)].flatMap((folder) =>
      FISHER_BESIDE.map((each) => path.join(folder, each)),
    );
    inputs.push({ name: `fisher ${name}`, path: file, fingerprint: await fingerprintOf([file, ...beside]) });
  }
  return inputs;
}

/** Files of a folder, those of its folders too where it is to be; none where it is no folder. */
async function filesIn(folder: string, recursive: boolean): Promise<readonly string[]> {
  try {
    const entries = await fs.readdir(folder, { recursive, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    return files.sort().slice(0, MOST_FILES);
  } catch {
    return [];
  }
}

/** Hash of sizes and times of files, and of a text. */
async function fingerprintOf(files: readonly string[], text = ''): Promise<string> {
  const hash = createHash('sha256').update(text);
  for (const file of new Set(files)) {
    const state = await fs.stat(file).catch(() => null);
    hash.update(`\n${file} ${state ? `${String(state.size)} ${String(state.mtimeMs)}` : 'missing'}`);
  }
  return hash.digest('hex').slice(0, 32);
}
