import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { success, type Result } from '../../protocol/result';
import { chooseInFolder } from '../folder';
import { quoted, refuse } from '../problems';
import { parseIndex } from '../safetensors-index';
import { withAllowance } from './allowance';
import { keepListing, keptListing } from './kept';
import { filesOf, isPlain, type HubFile } from './listing';
import { fetchRanges, makeMirror } from './mirror-file';
import type { HubSettings } from './settings';

/** Small files that say what the weights are, fetched whole. */
const DESCRIPTIONS =
  /^(?:(?:adapter_|quantize_|quant_|hf_quant_)?config\.json|adapter_model\.safetensors\.index\.json)$/;
/** Files whose readers ask for ranges (`withFile`); what is read by other libraries has to be there whole. */
const READ_BY_RANGES = /\.(?:safetensors|bin|pt|pth|ckpt|npy|npz|gguf|h5|hdf5|keras)$/;
/** An index of 500,000 tensors has 60 MB. */
const LARGEST_DESCRIPTION = 256_000_000;
const MOST_NAMES = 12;

/**
 * The copy of a commit in a folder of its own: descriptions, and weights with holes. Each method gives the path to open, and fails with a
 * code that begins with `hub-`.
 */
export class CommitCopy {
  private readonly listings = new Map<string, readonly HubFile[]>();

  constructor(
    private readonly settings: HubSettings,
    private readonly repository: string,
    private readonly commit: string,
    private readonly folder: string,
  ) {}

  /** What the folder opens as, with the configuration beside it. `text` is the address, for messages. */
  async wholeModel(text: string): Promise<Result<string>> {
    const files = await this.filesIn('');
    if (!files.ok) return files;
    const names = files.value.map(({ name }) => name);
    const choice = chooseInFolder(names);
    if (!('name' in choice)) {
      const shown = names.slice(0, MOST_NAMES).map(quoted).join(', ');
      const message = `${text} holds ${choice.kind === 'ambiguous' ? 'several checkpoints' : 'no checkpoint that is known'}: ${shown}.`;
      return refuse('hub-choice', text, message);
    }
    const made = await this.oneFile(text, choice.name);
    return made.ok ? success(this.folder) : made;
  }

  /** One file, its shards where it is an index, and the descriptions beside it. */
  async oneFile(text: string, name: string): Promise<Result<string>> {
    const beside = folderOf(name);
    const files = await this.filesIn(beside);
    if (!files.ok) return files;
    const target = files.value.find((file) => file.name === name);
    if (!target) return refuse('hub-missing', text, `${text}: there is no ${quoted(name)} in it.`);
    const descriptions = files.value.filter((file) => DESCRIPTIONS.test(paths.posix.basename(file.name)));
    const path = paths.join(this.folder, name);
    const isIndex = name.endsWith('.index.json');
    for (const file of new Set([...descriptions, ...(isIndex ? [target] : [])])) {
      const fetched = await this.description(file);
      if (!fetched.ok) return fetched;
    }
    const made = await this.weightsOf(target, files.value, isIndex);
    return made.ok ? success(path) : made;
  }

  /** Makes the files that hold values: of an index its shards, of a configuration the adapter beside it, else the file itself. */
  private async weightsOf(
    target: HubFile,
    beside: readonly HubFile[],
    isIndex: boolean,
  ): Promise<Result<null>> {
    if (isIndex) return this.shardsOf(target.name);
    const isDescription = DESCRIPTIONS.test(paths.posix.basename(target.name));
    return this.withHoles(
      isDescription ? beside.filter(({ name }) => name.endsWith('.safetensors')) : [target],
    );
  }

  private async shardsOf(name: string): Promise<Result<null>> {
    const path = paths.join(this.folder, name);
    const index = parseIndex(await fs.readFile(path), path);
    if (!index.ok) return index;
    const shards = new Set(
      index.value.shards.filter(isPlain).map((shard) => paths.posix.join(folderOf(name), shard)),
    );
    const found: HubFile[] = [];
    for (const folder of new Set([...shards].map(folderOf))) {
      const files = await this.filesIn(folder);
      // A shard that is not there the index itself speaks of.
      if (files.ok) found.push(...files.value.filter((file) => shards.has(file.name)));
      else if (files.problem.code !== 'hub-missing') return files;
    }
    return this.withHoles(found);
  }

  private async filesIn(folder: string): Promise<Result<readonly HubFile[]>> {
    const known = this.listings.get(folder) ?? (await keptListing(this.folder, folder));
    if (known) return success(known);
    const asked = await filesOf(this.settings, this.repository, this.commit, folder);
    if (!asked.ok) return asked;
    this.listings.set(folder, asked.value);
    await keepListing(this.folder, folder, asked.value);
    return asked;
  }

  /** Copies with nothing in them yet. */
  private async withHoles(files: readonly HubFile[]): Promise<Result<null>> {
    for (const file of files) {
      const path = await this.mirror(file);
      if (READ_BY_RANGES.test(file.name)) continue;
      const fetched = await fetchRanges(path, [[0, file.bytes]]);
      if (!fetched.ok) return fetched;
    }
    return success(null);
  }

  /** A small file, whole. */
  private async description(file: HubFile): Promise<Result<null>> {
    if (file.bytes > LARGEST_DESCRIPTION)
      return refuse('index-too-large', file.name, `${file.name} has ${String(file.bytes)} bytes.`);
    const path = await this.mirror(file);
    return withAllowance(null, () => fetchRanges(path, [[0, file.bytes]]));
  }

  private async mirror(file: HubFile): Promise<string> {
    const path = paths.join(this.folder, file.name);
    const { endpoint } = this.settings;
    await makeMirror(path, { ...file, endpoint, repository: this.repository, commit: this.commit });
    return path;
  }
}

/** `''` for a file of the repository itself. */
function folderOf(name: string): string {
  const folder = paths.posix.dirname(name);
  return folder === '.' ? '' : folder;
}
