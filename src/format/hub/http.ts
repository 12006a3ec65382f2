import { Buffer } from 'node:buffer';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import { formatProblem, quoted, refuse } from '../problems';
import type { HubSettings } from './settings';

/** An answer with the last hop's body, and what the hops on the way said of the file. */
export interface HubAnswer {
  readonly response: Response;
  /** `x-linked-etag` of a hop: the hash of a large file's content, as the Hub knows it. Without weakness and quotes. */
  readonly linked: string | null;
  /** `etag` of the last hop, which for large files is of the store that the Hub redirects to. */
  readonly etag: string | null;
}

const MOST_HOPS = 6;
/** A server that says nothing for so long is not there. */
const PATIENCE_MS = 30_000;

export interface HubRequest {
  /** As the header says it. */
  readonly range?: string | null;
  readonly accept?: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the Hub for an address of it, along redirects. The token goes to the Hub's own host only, never along to where it redirects. Fails
 * with `hub-offline`, `hub-denied`, `hub-missing`, `hub-failed`, or `cancelled`.
 */
export async function askHub(
  { endpoint, token }: HubSettings,
  address: string,
  request: HubRequest = {},
): Promise<Result<HubAnswer>> {
  const home = new URL(endpoint);
  let url = new URL(address);
  let linked: string | null = null;
  if (url.origin !== home.origin)
    return refuse('hub-failed', address, `${endpoint} leads to ${url.host} for an answer of its own.`);
  if (process.env['HF_HUB_OFFLINE'] === '1')
    return refuse('hub-offline', url.href, 'HF_HUB_OFFLINE is 1: nothing is fetched from the Hub.');
  for (let hop = 0; hop < MOST_HOPS; hop++) {
    const headers: Record<string, string> = { 'user-agent': 'deltalens', 'accept-encoding': 'identity' };
    if (token !== null && url.origin === home.origin) headers['authorization'] = `Bearer ${token}`;
    if (request.range) headers['range'] = request.range;
    if (request.accept) headers['accept'] = request.accept;
    const answered = await once(url, headers, request.signal);
    if (!answered.ok) return answered;
    const response = answered.value;
    linked = plainTag(response.headers.get('x-linked-etag')) ?? linked;
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) {
      const problem = await problemOf(response, url, token !== null);
      return problem ?? success({ response, linked, etag: plainTag(response.headers.get('etag')) });
    }
    await response.body?.cancel();
    const next = urlFrom(location, url);
    if (next === null)
      return refuse('hub-failed', url.href, `${url.href} leads to ${quoted(location)}, which is no address.`);
    if (next.protocol !== 'https:' && next.protocol !== home.protocol)
      return refuse('hub-failed', url.href, `${url.href} leads to ${next.protocol}, which is not safe.`);
    url = next;
  }
  return refuse('hub-failed', url.href, `${address} redirects again and again.`);
}

async function once(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Result<Response>> {
  const silence = new AbortController();
  // Until the server begins to answer; how long the answer takes is up to the connection.
  const timer = setTimeout(() => silence.abort(new Error('it says nothing')), PATIENCE_MS);
  try {
    const both = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    return success(await fetch(url, { headers, redirect: 'manual', signal: both }));
  } catch (error) {
    return failure(transferProblem(error, url.href, signal));
  } finally {
    clearTimeout(timer);
  }
}

/** What a connection that broke off means. */
export function transferProblem(error: unknown, url: string, signal: AbortSignal | undefined): Problem {
  if (signal?.aborted) return { code: 'cancelled', message: 'Cancelled.', action: 'Run it again.' };
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return formatProblem('hub-offline', url, `${new URL(url).host} does not answer: ${reason}.`);
}

/** What `x-error-code` says more precisely than the status; a private model has that of one that is not there. */
const SAID: Readonly<Record<string, string>> = {
  GatedRepo: 'The model is gated',
  RepoNotFound: 'The model is private or not there',
  RevisionNotFound: 'The model has no such revision',
  EntryNotFound: 'The model has no such file',
};

async function problemOf(response: Response, url: URL, hasToken: boolean): Promise<Result<never> | null> {
  const { status } = response;
  if (status < 300 || status === 416) return null;
  const code = response.headers.get('x-error-code') ?? '';
  const message = response.headers.get('x-error-message');
  await response.body?.cancel();
  const said = message === null ? '' : ` (${quoted(latin1AsUtf8(message))})`;
  const answer = `${url.host} answers ${String(status)}${said} to ${url.href}`;
  const known = Object.hasOwn(SAID, code) ? SAID[code] : undefined;
  // Who has no token hears 401 of what is not there, too.
  const isThere = code !== 'RepoNotFound';
  if ((status === 401 || status === 403) && isThere) {
    const why = hasToken ? 'the token does not open it' : 'it needs a token';
    const what = known ?? 'The model is gated, private or not there';
    return refuse('hub-denied', url.href, `${what}, and ${why}: ${answer}.`);
  }
  if (status === 404 || !isThere)
    return refuse('hub-missing', url.href, `${known ?? 'This is not there'}: ${answer}.`);
  return refuse('hub-failed', url.href, `${answer}.`);
}

function urlFrom(location: string, base: URL): URL | null {
  return URL.canParse(location, base.href) ? new URL(location, base) : null;
}

/** Headers come as Latin-1, in which the Hub's sentences of UTF-8 are unreadable. */
function latin1AsUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function plainTag(tag: string | null): string | null {
  return tag === null ? null : tag.replace(/^W\//, '').replaceAll('"', '');
}

/** A whole number from a header, or `null`. */
export function numberOf(text: string | null): number | null {
  const value = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
