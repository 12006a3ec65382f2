// The compute process: forked by the analysis server, answers its requests, and holds the streaming workers.
import os from 'node:os';
import path from 'node:path';
import { fetchingPasses } from '../format/hub/fetch-spans';
import { configureHub } from '../format/hub/settings';
import { fusePasses } from '../tensor/fused-passes';
import { createPassRunner } from '../tensor/pool';
import { answer } from './analysis/answer';
import { MEMORY_BUDGET, type AnalysisContext } from './analysis/context';
import { DirectoryCache } from './analysis/directory-cache';
import { ContentHashes } from './analysis/content-hash';
import { tellFetching } from './analysis/fetching';
import { ResultCache } from './analysis/result-cache';
import type { ComputeSettings, FromCompute, ToCompute } from './compute-messages';
import { limitPartial } from './partial-limit';
import { limitProgress } from './progress-limit';
import { DEFAULT_SCAN_LIMIT } from './settings';

const workerFile = path.join(__dirname, 'tensor-worker.js');
const passes = fusePasses(createPassRunner({ workerFile }));
const backgroundPasses = createPassRunner({ workerFile, workers: 1 });
const directories = new DirectoryCache();
const results = new ResultCache((message) => send({ type: 'log', message }));
const contents = new ContentHashes();
const running = new Map<number, AbortController>();
let settings: ComputeSettings = {
  scanLimit: DEFAULT_SCAN_LIMIT,
  known: [],
  cache: null,
  hub: { token: null, folder: null },
  askAbove: null,
  hashContents: false,
};

function send(message: FromCompute): void {
  // The server is gone when this fails, and `disconnect` ends this process too.
  process.send?.(message, undefined, undefined, () => undefined);
}

function contextOf(request: Extract<ToCompute, { type: 'request' }>, signal: AbortSignal): AnalysisContext {
  const { id, manner } = request;
  const progress = limitProgress((fraction, message) => send({ type: 'progress', id, fraction, message }));
  return {
    passes: fetchingPasses(manner.background ? backgroundPasses : passes, tellFetching(progress)),
    directories,
    results,
    contents: settings.hashContents ? contents : null,
    signal,
    memoryBudget: MEMORY_BUDGET,
    scanLimit: manner.scanLimit ?? settings.scanLimit,
    askAbove: settings.askAbove,
    known: settings.known,
    progress,
    log: (message) => send({ type: 'log', message }),
    partial: manner.partial === true ? limitPartial((result) => send({ type: 'partial', id, result })) : null,
  };
}

async function handle(request: Extract<ToCompute, { type: 'request' }>): Promise<void> {
  const controller = new AbortController();
  running.set(request.id, controller);
  const context = contextOf(request, controller.signal);
  const result = await answer(request.name, request.params as never, context);
  running.delete(request.id);
  send({ type: 'answer', id: request.id, result });
}

process.on('message', (message: ToCompute) => {
  switch (message.type) {
    case 'request':
      void handle(message);
      break;
    case 'cancel':
      running.get(message.id)?.abort();
      break;
    case 'configure':
      settings = message.settings;
      results.keepIn(settings.cache);
      configureHub(settings.hub);
      break;
  }
});
// Lenses use every core; what somebody waits for goes before.
if (process.argv.includes('--yielding')) os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);
process.on('disconnect', () => process.exit());
// Interrupting the terminal that an editor was started from must not end this process before the server does.
process.on('SIGINT', () => undefined);
