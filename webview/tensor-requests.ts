import type { TensorDetail } from '../src/protocol/checkpoint';
import type { Result } from '../src/protocol/result';

/** Questions to the host that wait for their answer, told apart by number. */
export interface TensorRequests {
  /** Sends a question; the answer goes to `answered`. */
  ask(send: (request: number) => void, answered: (detail: Result<TensorDetail>) => void): void;
  /** Hands an answer to whoever asked; late answers to nobody are dropped. */
  answer(request: number, detail: Result<TensorDetail>): void;
}

/** Keeps track of open questions. */
export function createTensorRequests(): TensorRequests {
  const waiting = new Map<number, (detail: Result<TensorDetail>) => void>();
  let last = 0;
  return {
    ask(send, answered) {
      last += 1;
      waiting.set(last, answered);
      send(last);
    },
    answer(request, detail) {
      waiting.get(request)?.(detail);
      waiting.delete(request);
    },
  };
}
