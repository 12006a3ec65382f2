import { failure, success, type Result } from './result';

/** A model on the Hub, or a file of one. */
export interface HubAddress {
  /** `owner/name`, or `name` for the oldest models. */
  readonly repository: string;
  /** A branch, tag or commit; `main` where none was given. */
  readonly revision: string;
  /** Path of a file in it; `null`: the folder. */
  readonly file: string | null;
}

/** What the copy of a model on the Hub is a copy of. */
export interface HubOrigin {
  /** `huggingface.co`, or the host of `HF_ENDPOINT`. */
  readonly host: string;
  readonly repository: string;
  /** Its whole number. */
  readonly commit: string;
  /** Branches and tags that stood for this commit when they were asked for last. */
  readonly revisions: readonly string[];
}

const SCHEME = 'hf://';
const NAME = /^[A-Za-z0-9][\w.-]{0,95}$/;

/** Whether a text names something on the Hub rather than on this machine. */
export function isHubAddress(text: string): boolean {
  return text.startsWith(SCHEME);
}

/** How an address with these parts is written; `main` goes without saying. */
export function hubAddressOf({ repository, revision, file }: HubAddress): string {
  const at = revision === 'main' ? '' : `@${encodeURIComponent(revision)}`;
  return `${SCHEME}${repository}${at}${file === null ? '' : `/${file}`}`;
}

/** `owner/name, commit 1a2b3c4 (main)`: what an opened copy shows. */
export function hubOriginText({ repository, commit, revisions }: HubOrigin): string {
  const names = revisions.filter((name) => name !== commit);
  return `${repository}, commit ${commit.slice(0, 7)}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}

/**
 * The address that a user means: `owner/name` and the address of a page (`https://huggingface.co/owner/name/blob/main/file`) become
 * one with `hf://`; anything else stays as it is, for {@link parseHubAddress} to refuse.
 */
export function hubAddressFrom(text: string): string {
  const trimmed = text.trim();
  const page =
    /^https?:\/\/[^/]+\/([^/?#]+\/[^/?#]+)(?:\/(?:tree|blob|resolve)\/([^/?#]+)(\/[^?#]*)?)?\/?(?:[?#].*)?$/.exec(
      trimmed,
    );
  if (page) return `${SCHEME}${page[1] ?? ''}${page[2] === undefined ? '' : `@${page[2]}`}${page[3] ?? ''}`;
  return /^[\w.-]+\/[\w.-]/.test(trimmed) ? SCHEME + trimmed : trimmed;
}

/**
 * Reads `hf://owner/name[@revision][/file]`. A revision with slashes has them as `%2F`. Fails with `hub-address`.
 */
export function parseHubAddress(text: string): Result<HubAddress> {
  const wrong = (why: string): Result<never> =>
    failure({
      code: 'hub-address',
      message: `${text}: ${why}.`,
      action: 'Write hf://owner/name, hf://owner/name@revision or hf://owner/name/file.safetensors.',
      path: text,
    });
  if (!isHubAddress(text)) return wrong('an address of the Hub begins with hf://');
  const [owner = '', second, ...rest] = text.slice(SCHEME.length).replace(/\/+$/, '').split('/');
  if (['datasets', 'spaces'].includes(owner)) return wrong('only models are read, no data sets or spaces');
  if (second === undefined) return wrong('it names an owner but no model');
  const [name = '', revision = 'main', more] = second.split('@');
  if (!NAME.test(owner) || !NAME.test(name) || more !== undefined) return wrong('this is no name of a model');
  const decoded = decode(revision);
  if (decoded === null || decoded === '' || /[\s\\]|\.\./.test(decoded)) return wrong('this is no revision');
  if (rest.some((part) => part === '' || part === '.' || part === '..' || hasOddCharacter(part)))
    return wrong('this is no path of a file');
  const file = rest.length === 0 ? null : rest.join('/');
  return success({ repository: `${owner}/${name}`, revision: decoded, file });
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function hasOddCharacter(part: string): boolean {
  return part.includes('\\') || [...part].some((character) => character < ' ');
}
