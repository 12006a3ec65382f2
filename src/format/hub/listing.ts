import type { ListFileEntry } from '@huggingface/hub';
import { success, type Result } from '../../protocol/result';
import { refuse } from '../problems';
import { throughLibrary } from './guarded-fetch';
import type { HubSettings } from './settings';

/** A file of a commit. */
export interface HubFile {
  /** Its path in the repository. */
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of the content where Git LFS or Xet keeps it, else its number in Git: the ETag that it is sent with. */
  readonly etag: string | null;
}

/** An answer of the API; the largest listings have pages of 1000 entries, some 400 bytes each. */
const MOST_BYTES = 64_000_000;
const MOST_FILES = 50_000;

/** The commit that a branch, tag or commit stands for now. Fails as asking does. */
export async function commitNow(
  settings: HubSettings,
  repository: string,
  revision: string,
): Promise<Result<string>> {
  const address = `${settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const asked = await throughLibrary(settings, address, { mostBytes: MOST_BYTES }, (library, fetch) =>
    library.modelInfo({
      name: repository,
      revision,
      additionalFields: ['sha'],
      hubUrl: settings.endpoint,
      fetch,
    }),
  );
  if (!asked.ok) return asked;
  const commit: unknown = asked.value.sha;
  return typeof commit === 'string' && isCommit(commit)
    ? success(commit)
    : refuse('hub-failed', address, `${address} answers something else than a model.`);
}

/**
 * The files right in a folder of a commit (`''`: the repository itself), with their sizes and hashes: one request for all shards of a
 * model in the place of one for each. Fails as asking does.
 */
export async function filesOf(
  settings: HubSettings,
  repository: string,
  commit: string,
  folder: string,
): Promise<Result<readonly HubFile[]>> {
  const { endpoint } = settings;
  const path = encodedPath(folder);
  const address = `${endpoint}/api/models/${repository}/tree/${commit}${path === '' ? '' : `/${path}`}`;
  const files: HubFile[] = [];
  let entries = 0;
  const listed = await throughLibrary(
    settings,
    address,
    { mostBytes: MOST_BYTES },
    async (library, fetch) => {
      const repo = { type: 'model', name: repository } as const;
      for await (const entry of library.listFiles({
        repo,
        revision: commit,
        path,
        hubUrl: endpoint,
        fetch,
      })) {
        if (++entries > MOST_FILES) return false;
        const file = fileFrom(entry, folder);
        if (file) files.push(file);
      }
      return true;
    },
  );
  if (!listed.ok) return listed;
  if (listed.value) return success(files);
  return refuse('hub-failed', address, `${address} lists more than ${String(MOST_FILES)} files.`);
}

/** An entry of a listing as the Hub sent it: the library hands it on unseen. */
function fileFrom(entry: ListFileEntry, folder: string): HubFile | null {
  const { type, path, size, oid, lfs }: { [K in keyof ListFileEntry]: unknown } = entry;
  if (type !== 'file' || typeof path !== 'string' || !isPlain(path)) return null;
  if (path.slice(0, Math.max(0, path.lastIndexOf('/'))) !== folder) return null;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
  const large = typeof lfs === 'object' && lfs !== null && 'oid' in lfs ? lfs.oid : undefined;
  const etag = large ?? oid;
  return { name: path, bytes: size, etag: typeof etag === 'string' ? etag : null };
}

/** Whether a text is the whole number of a commit. */
export function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** Whether a name from the Hub stays inside the folder of its copy. */
export function isPlain(name: string): boolean {
  const parts = name.split('/');
  return (
    !name.includes('\\') &&
    [...name].every((character) => character >= ' ') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** A path as it stands in an address. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
