import { failure, success, type Result } from '../../protocol/result';
import { quoted, refuse } from '../problems';
import type { HubSettings } from './settings';

/** An answer with the last hop's body, and what the hops on the way said of the file. */
export interface HubAnswer {
  readonly response: Response;
  /** `x-linked-etag` of a hop, else `etag` of the last, without weakness and quotes. */
  readonly etag: string | null;
  /** `x-linked-size` of a hop, where one says so. */
  readonly size: number | null;
}

const MOST_HOPS = 6;
/** A server that says nothing for so long is not there. */
const PATIENCE_MS = 30_000;

export interface HubRequest {
  readonly method?: 'GET' | 'HEAD';
  readonly range?: readonly [start: number, end: number];
  /** With HEAD: ends at a redirect to another host, whose headers say all. */
  readonly here?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the Hub for a path of it, along redirects. The token goes to the Hub's own host only, never along to where it redirects. Fails
 * with `hub-offline`, `hub-denied`, `hub-missing`, `hub-failed`, or `cancelled`.
 */
export async function askHub(
  settings: HubSettings,
  path: string,
  request: HubRequest = {},
): Promise<Result<HubAnswer>> {
  const { endpoint, token } = settings;
  const home = new URL(endpoint);
  let url = new URL(endpoint + path);
  let [etag, size]: [string | null, number | null] = [null, null];
  if (process.env['HF_HUB_OFFLINE'] === '1')
    return refuse('hub-offline', url.href, 'HF_HUB_OFFLINE is 1: nothing is fetched from the Hub.');
  for (let hop = 0; hop < MOST_HOPS; hop++) {
    const headers: Record<string, string> = { 'user-agent': 'deltalens', 'accept-encoding': 'identity' };
    if (token !== null && url.origin === home.origin) headers['authorization'] = `Bearer ${token}`;
    if (request.range) headers['range'] = `bytes=${String(request.range[0])}-${String(request.range[1] - 1)}`;
    const answered = await once(url, headers, request);
    if (!answered.ok) return answered;
    const response = answered.value;
    etag = plainTag(response.headers.get('x-linked-etag')) ?? etag;
    size = numberOf(response.headers.get('x-linked-size')) ?? size;
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) {
      const problem = await problemOf(response, url, token !== null);
      if (problem) return problem;
      return success({ response, etag: etag ?? plainTag(response.headers.get('etag')), size });
    }
    const next = new URL(location, url);
    await response.body?.cancel();
    if (next.protocol !== 'https:' && next.protocol !== home.protocol)
      return refuse('hub-failed', url.href, `${url.href} leads to ${next.protocol}, which is not safe.`);
    if (request.here === true && next.origin !== home.origin) return success({ response, etag, size });
    url = next;
  }
  return refuse('hub-failed', url.href, `${endpoint}${path} redirects again and again.`);
}

async function once(
  url: URL,
  headers: Record<string, string>,
  { method = 'GET', signal }: HubRequest,
): Promise<Result<Response>> {
  const silence = new AbortController();
  // Until the server begins to answer; how long the answer takes is up to the connection.
  const timer = setTimeout(() => silence.abort(new Error('it says nothing')), PATIENCE_MS);
  try {
    const both = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    return success(await fetch(url, { method, headers, redirect: 'manual', signal: both }));
  } catch (error) {
    return transferProblem(error, url.href, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** What a connection that broke off means. */
export function transferProblem(error: unknown, url: string, signal: AbortSignal | undefined): Result<never> {
  if (signal?.aborted) return failure({ code: 'cancelled', message: 'Cancelled.', action: 'Run it again.' });
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return refuse('hub-offline', url, `${new URL(url).host} does not answer: ${reason}.`);
}

async function problemOf(response: Response, url: URL, hasToken: boolean): Promise<Result<never> | null> {
  const { status } = response;
  if (status < 300) return null;
  if (status === 416) return null;
  const said = response.headers.get('x-error-message');
  await response.body?.cancel();
  const answer = `${url.host} answers ${String(status)}${said === null ? '' : ` (${quoted(said)})`}`;
  if (status === 401 || status === 403) {
    const why = hasToken ? 'The token does not open it' : 'It needs a token';
    return refuse(
      'hub-denied',
      url.href,
      `${url.href}: ${answer}. ${why}, or the model is gated or not there.`,
    );
  }
  if (status === 404) return refuse('hub-missing', url.href, `${url.href} is not there: ${answer}.`);
  return refuse('hub-failed', url.href, `${url.href}: ${answer}.`);
}

function plainTag(tag: string | null): string | null {
  return tag === null ? null : tag.replace(/^W\//, '').replaceAll('"', '');
}

/** A whole number from a header, or `null`. */
export function numberOf(text: string | null): number | null {
  const value = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
