import { parentPort } from 'node:worker_threads';
import { problemFromError } from '../protocol/result';
import type { Part, PassMessage, WorkerMessage } from './pass-messages';
import { PassWork, WorkerBuffers } from './pass-work';
import { DenseKernels } from './wasm/dense-kernels';
import { VectorKernels } from './wasm/vector-kernels';

/** Contributions are sent together, so that many small chunks do not drown the receiving thread in messages. */
const SEND_EVERY_MS = 20;
/** Memory of large matrices is kept for so long, as one is often followed by another, and fresh memory is slow. */
const REST_AFTER_MS = 5000;

interface ActivePass {
  readonly work: PassWork;
  unsent: Part[];
  sentAt: number;
}

const buffers = new WorkerBuffers(VectorKernels.loadBest(__dirname));
const active: ActivePass[] = [];
let running = false;
let resting: NodeJS.Timeout | undefined;

parentPort?.on('message', (message: PassMessage) => {
  active.push({ work: new PassWork(message), unsent: [], sentAt: Date.now() });
  if (running) return;
  running = true;
  clearTimeout(resting);
  setImmediate(takeTurn);
});

/** One portion of the pass whose turn it is; then, so that new passes are heard of, the next in a turn of its own. */
function takeTurn(): void {
  const pass = active.shift();
  if (pass !== undefined && advance(pass)) active.push(pass);
  running = active.length > 0;
  if (running) setImmediate(takeTurn);
  else resting = setTimeout(() => DenseKernels.rest(), REST_AFTER_MS);
}

/** Whether the pass may have more for this worker. */
function advance(pass: ActivePass): boolean {
  try {
    const parts = pass.work.nextPortion(buffers);
    if (Array.isArray(parts)) {
      pass.unsent.push(...parts);
      if (Date.now() - pass.sentAt >= SEND_EVERY_MS) send(pass);
      return true;
    }
    pass.work.close();
    if (parts === null) send(pass);
    else post({ kind: 'failed', pass: pass.work.pass, problem: parts });
  } catch (error) {
    pass.work.close();
    post({ kind: 'failed', pass: pass.work.pass, problem: problemFromError(error) });
  }
  return false;
}

function send(pass: ActivePass): void {
  if (pass.unsent.length > 0) post({ kind: 'parts', pass: pass.work.pass, parts: pass.unsent });
  pass.unsent = [];
  pass.sentAt = Date.now();
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
