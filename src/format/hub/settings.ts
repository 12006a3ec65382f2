import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MIRROR_FOLDER } from '../../tensor/mirrored';

/** How the Hub is reached, and where what was fetched is kept. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Below it lie the copies; its last part is {@link MIRROR_FOLDER}. */
  readonly folder: string;
  /** Bytes that copies may take on disk; the least recently used go first. */
  readonly mostBytes: number;
}

const ENDPOINT = 'https://huggingface.co';
const MOST_BYTES = 50e9;

let chosen: { readonly token: string | null; readonly folder: string | null } = { token: null, folder: null };

/** What the editor says: a token of its own, and a folder of its storage. */
export function configureHub(settings: typeof chosen): void {
  chosen = settings;
}

/**
 * The settings of this process: of the editor, else of the environment as the libraries of Hugging Face read it (`HF_ENDPOINT`,
 * `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`), and `DELTALENS_HUB_CACHE`, `DELTALENS_HUB_CACHE_GB`.
 */
export function hubSettings(environment: NodeJS.ProcessEnv = process.env): HubSettings {
  const folder = chosen.folder ?? environment['DELTALENS_HUB_CACHE'] ?? cacheFolder(environment);
  const gigabytes = Number(environment['DELTALENS_HUB_CACHE_GB'] ?? '');
  return {
    endpoint: (environment['HF_ENDPOINT'] ?? ENDPOINT).replace(/\/+$/, ''),
    token: chosen.token ?? tokenIn(environment['HF_TOKEN']) ?? savedToken(environment),
    folder: path.join(path.resolve(folder), MIRROR_FOLDER),
    mostBytes: gigabytes > 0 ? gigabytes * 1e9 : MOST_BYTES,
  };
}

function cacheFolder(environment: NodeJS.ProcessEnv): string {
  return path.join(environment['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'deltalens');
}

/** What `huggingface-cli login` wrote. */
function savedToken(environment: NodeJS.ProcessEnv): string | null {
  const home = environment['HF_HOME'] ?? path.join(os.homedir(), '.cache', 'huggingface');
  try {
    return tokenIn(fs.readFileSync(environment['HF_TOKEN_PATH'] ?? path.join(home, 'token'), 'utf8'));
  } catch {
    return null;
  }
}

/** A token as it can stand in a header; none where the text is empty, as the libraries of Hugging Face take it. */
function tokenIn(text: string | undefined): string | null {
  const token = text?.replace(/\s/g, '') ?? '';
  return token === '' ? null : token;
}
