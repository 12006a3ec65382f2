import { failure, success, type Problem, type Result } from '../../protocol/result';
import { formatProblem } from '../problems';
import { askHub, numberOf, transferProblem, type HubAnswer } from './http';
import type * as Library from './library';
import type { HubSettings } from './settings';

/** What {@link throughLibrary} watches while the library asks. */
export interface Guard {
  readonly signal?: AbortSignal | undefined;
  /** What is wrong with an answer, before the library sees it; its body is dropped then. */
  readonly check?: (answer: HubAnswer) => Problem | null;
  /** Bytes that the body of an answer may have; `null`: who reads it looks after that. */
  readonly mostBytes: number | null;
}

/** A listing that goes on after so many pages leads in a circle. */
const MOST_REQUESTS = 100;

/** Travels through the library, which knows errors only as exceptions. */
class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/**
 * Lets `use` ask the Hub by calls of its library, with a `fetch` of our own in each: the library follows redirects with the token
 * on them, and shows neither ETags on the way nor why it failed. It is not given the token, which it takes only where it begins
 * with `hf_`; `askHub` sends it. Fails as asking does, as `check` says, and with `hub-failed` where the library cannot make
 * sense of an answer.
 */
export async function throughLibrary<T>(
  settings: HubSettings,
  address: string,
  guard: Guard,
  use: (library: typeof Library, fetch: typeof globalThis.fetch) => Promise<T>,
): Promise<Result<T>> {
  let refused: Problem | null = null;
  let requests = 0;
  const refuse = (problem: Problem) => {
    refused ??= problem;
    return new Refused(problem);
  };
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    if (++requests > MOST_REQUESTS) throw refuse(endless(address));
    const headers = new Headers(init?.headers);
    const answered = await askHub(settings, input instanceof Request ? input.url : String(input), {
      range: headers.get('range'),
      accept: headers.get('accept'),
      signal: guard.signal,
    });
    if (!answered.ok) throw refuse(answered.problem);
    const { response } = answered.value;
    const { check, mostBytes } = guard;
    const wrong = check?.(answered.value) ?? tooLarge(response, address, mostBytes);
    if (!wrong)
      return mostBytes === null ? response : bounded(response, mostBytes, () => refuse(oversize(address)));
    await response.body?.cancel();
    throw refuse(wrong);
  };
  try {
    return success(await use(await import('./library'), fetch));
  } catch (error) {
    // A body that broke off, or streams that hand on no more than a message.
    if (error instanceof Refused) return failure(error.problem);
    return failure(refused ?? unreadable(error, address, guard.signal));
  }
}

function unreadable(error: unknown, address: string, signal: AbortSignal | undefined): Problem {
  const brokeOff = signal?.aborted === true || (error instanceof Error && error.cause !== undefined);
  if (brokeOff) return transferProblem(error, address, signal);
  return formatProblem('hub-failed', address, `${address} answers something else than a model.`);
}

function endless(address: string): Problem {
  return formatProblem('hub-failed', address, `${address} goes on after ${String(MOST_REQUESTS)} pages.`);
}

function tooLarge(response: Response, address: string, mostBytes: number | null): Problem | null {
  const length = numberOf(response.headers.get('content-length'));
  return mostBytes !== null && length !== null && length > mostBytes ? oversize(address) : null;
}

function oversize(address: string): Problem {
  return formatProblem('hub-failed', address, `${address}: the answer is larger than any that is right.`);
}

/** The answer with a body that breaks off where it is longer than it may be. */
function bounded(response: Response, mostBytes: number, refuse: () => Error): Response {
  let bytes = 0;
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (piece, controller) => {
        bytes += piece.length;
        if (bytes > mostBytes) controller.error(refuse());
        else controller.enqueue(piece);
      },
    }),
  );
  return new Response(body ?? null, response);
}
