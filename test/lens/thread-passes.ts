// A pass runner that does the work of the workers in this thread, with their kernels: for tests of what lenses make of
// outcomes, not of the outcomes themselves.
import { checkItem } from '../../src/tensor/check-items';
import type { PassItem, PassRunner } from '../../src/tensor/pass';
import { PassWork, WorkerBuffers } from '../../src/tensor/pass-work';
import { RunningPass } from '../../src/tensor/running-pass';

const buffers = new WorkerBuffers();

/** Runs passes one after the other on the calling thread. */
export function threadPasses(): PassRunner {
  return { run: (items, { onBytes }) => runHere(items, onBytes) };
}

async function runHere(items: readonly PassItem[], onBytes?: (done: number, total: number) => void) {
  for (const item of items) {
    const problem = checkItem(item);
    if (problem !== null) return { ok: false as const, problem };
  }
  if (items.length === 0) return { ok: true as const, value: [] };
  const pass = new RunningPass(0, items, onBytes);
  const work = new PassWork(pass.message);
  for (let parts = work.nextPortion(buffers); parts !== null; parts = work.nextPortion(buffers)) {
    if (Array.isArray(parts)) pass.accept(parts);
    else pass.fail(parts);
  }
  work.close();
  return pass.result;
}
