import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { parseHubAddress, type HubAddress } from '../../protocol/hub-address';
import { success, type Result } from '../../protocol/result';
import type { Checkpoint } from '../checkpoint';
import { chooseInFolder } from '../folder';
import { quoted, refuse } from '../problems';
import { parseIndex } from '../safetensors-index';
import { askHub, numberOf } from './http';
import { fetchRanges, makeMirror } from './mirror-file';
import { makeRoom } from './room';
import { hubSettings, type HubSettings } from './settings';

/** Small files that say what the weights are, fetched whole. */
const DESCRIPTIONS =
  /^(?:(?:adapter_|quantize_|quant_|hf_quant_)?config\.json|adapter_model\.safetensors\.index\.json)$/;
/** Files whose readers ask for ranges (`withFile`); what is read by other libraries has to be there whole. */
const READ_BY_RANGES = /\.(?:safetensors|bin|pt|pth|ckpt|npy|npz|gguf|h5|hdf5|keras)$/;
/** An index of 500,000 tensors has 60 MB. */
const LARGEST_DESCRIPTION = 256_000_000;
/** So many files are asked about at once. */
const CONCURRENCY = 8;
const MOST_NAMES = 12;

/** A commit of a model, and what is in it. */
interface Listing {
  readonly commit: string;
  readonly files: readonly string[];
}

/**
 * Opens a model of the Hub, or a file of one, by what `openLocal` makes of a copy with holes: fetches descriptions and headers,
 * never weights. Those come when something reads them (`readSpan`, and passes by way of `fetchSpans`). Fails with a code that
 * begins with `hub-`, or as opening does.
 */
export async function openHub(
  text: string,
  openLocal: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Result<Checkpoint>> {
  const parsed = parseHubAddress(text);
  if (!parsed.ok) return parsed;
  const address = parsed.value;
  const settings = hubSettings();
  const listing = await list(settings, address);
  if (!listing.ok) return listing;
  const folder = folderOf(settings, address.repository, listing.value.commit);
  await makeRoom(settings, folder);
  const copy = new Copy(settings, address.repository, listing.value, folder);
  const target = await (address.file === null ? copy.wholeModel(text) : copy.oneFile(text, address.file));
  if (!target.ok) return target;
  const opened = await openLocal(target.value);
  return opened.ok ? success({ ...opened.value, path: text }) : opened;
}

/** Every commit has a folder of its own, so that copies never change. */
function folderOf({ folder, endpoint }: HubSettings, repository: string, commit: string): string {
  const host = new URL(endpoint).host.replaceAll(':', '_');
  return paths.join(folder, host, repository.replace('/', '--'), commit);
}

async function list(settings: HubSettings, { repository, revision }: HubAddress): Promise<Result<Listing>> {
  const path = `/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const answered = await askHub(settings, path);
  if (!answered.ok) return answered;
  try {
    const { sha, siblings } = (await answered.value.response.json()) as Record<string, unknown>;
    const names = (Array.isArray(siblings) ? siblings : []).flatMap((each: unknown) => {
      const name = typeof each === 'object' && each !== null && 'rfilename' in each ? each.rfilename : null;
      return typeof name === 'string' && isPlain(name) ? [name] : [];
    });
    if (typeof sha === 'string' && /^[0-9a-f]{40,64}$/.test(sha))
      return success({ commit: sha, files: names });
  } catch {
    // No JSON: said below.
  }
  return refuse(
    'hub-failed',
    settings.endpoint + path,
    `${settings.endpoint}${path} answers something else than a model.`,
  );
}

/** Whether a name from the Hub stays inside the folder of its copy. */
function isPlain(name: string): boolean {
  const parts = name.split('/');
  return (
    !name.includes('\\') &&
    !name.includes('\0') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

class Copy {
  constructor(
    private readonly settings: HubSettings,
    private readonly repository: string,
    private readonly listing: Listing,
    private readonly folder: string,
  ) {}

  /** What the folder opens as, with the configuration beside it. */
  async wholeModel(text: string): Promise<Result<string>> {
    const names = this.listing.files.filter((name) => !name.includes('/'));
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
    if (!this.listing.files.includes(name))
      return refuse('hub-missing', text, `${text}: there is no ${quoted(name)} in it.`);
    const beside = paths.posix.dirname(name);
    const descriptions = this.listing.files.filter(
      (each) => paths.posix.dirname(each) === beside && DESCRIPTIONS.test(paths.posix.basename(each)),
    );
    const path = paths.join(this.folder, name);
    const isIndex = name.endsWith('.index.json');
    for (const each of new Set([...descriptions, ...(isIndex ? [name] : [])])) {
      const fetched = await this.whole(each);
      if (!fetched.ok) return fetched;
    }
    if (!isIndex) {
      const made = descriptions.includes(name)
        ? await this.adapterWeights(beside)
        : await this.withHoles(name);
      return made.ok ? success(path) : made;
    }
    const index = parseIndex(await fs.readFile(path), path);
    if (!index.ok) return index;
    const shards = index.value.shards.filter(isPlain).map((shard) => paths.posix.join(beside, shard));
    const made = await this.all(shards.filter((shard) => this.listing.files.includes(shard)));
    return made.ok ? success(path) : made;
  }

  private adapterWeights(folder: string): Promise<Result<null>> {
    const names = this.listing.files.filter(
      (name) => paths.posix.dirname(name) === folder && name.endsWith('.safetensors'),
    );
    return this.all(names);
  }

  private async all(names: readonly string[]): Promise<Result<null>> {
    for (let first = 0; first < names.length; first += CONCURRENCY) {
      const made = await Promise.all(
        names.slice(first, first + CONCURRENCY).map((name) => this.withHoles(name)),
      );
      const failed = made.find((each) => !each.ok);
      if (failed) return failed;
    }
    return success(null);
  }

  private pathOf(name: string): string {
    const encoded = name.split('/').map(encodeURIComponent).join('/');
    return `/${this.repository}/resolve/${this.listing.commit}/${encoded}`;
  }

  /** A copy with nothing in it yet. */
  private async withHoles(name: string): Promise<Result<null>> {
    const { endpoint } = this.settings;
    const path = this.pathOf(name);
    const answered = await askHub(this.settings, path, { method: 'HEAD', here: true });
    if (!answered.ok) return answered;
    const { response, etag, size } = answered.value;
    const bytes = size ?? numberOf(response.headers.get('content-length'));
    if (bytes === null)
      return refuse(
        'hub-failed',
        endpoint + path,
        `${endpoint}${path}: the server does not say how large it is.`,
      );
    const file = paths.join(this.folder, name);
    await makeMirror(file, { endpoint, path, bytes, etag });
    return READ_BY_RANGES.test(name) ? success(null) : fetchRanges(file, [[0, bytes]]);
  }

  /** A small file, written under another name first, so that it is there whole or not at all. */
  private async whole(name: string): Promise<Result<null>> {
    const file = paths.join(this.folder, name);
    if (await fs.stat(file).catch(() => null)) return success(null);
    const answered = await askHub(this.settings, this.pathOf(name));
    if (!answered.ok) return answered;
    const { response } = answered.value;
    const length = numberOf(response.headers.get('content-length'));
    if (length !== null && length > LARGEST_DESCRIPTION) {
      await response.body?.cancel();
      return refuse(
        'index-too-large',
        this.pathOf(name),
        `${this.pathOf(name)} has ${String(length)} bytes.`,
      );
    }
    const bytes = Buffer.from(await response.arrayBuffer());
    await fs.mkdir(paths.dirname(file), { recursive: true });
    const temporary = `${file}.${String(process.pid)}.tmp`;
    await fs.writeFile(temporary, bytes);
    await fs.rename(temporary, file);
    return success(null);
  }
}
