import { withAllowance } from '../../format/hub/allowance';
import type { FetchLeave, RequestName, RequestParams, RequestResult } from '../../protocol/requests';
import { failure, problemFromError } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { attach } from './attach';
import { checkpointCard } from './checkpoint-card';
import { clearCache } from './clear-cache';
import { explore } from './explore';
import { complete } from './complete';
import { exportCommandFor } from './export-command';
import { findData } from './find-data';
import { findGraphs } from './find-graphs';
import { formats } from './formats';
import { hoverOver } from './hover';
import { inspect } from './inspect';
import { lenses } from './lenses';
import { lintDocument } from './lint';
import { makeStudy } from './make-study';
import { manifest } from './manifest';
import { namedCheckpoints } from './named-checkpoints';
import { places } from './places';
import { readStudy } from './read-study';
import { runLens } from './run-lens';
import { runtime } from './runtime';
import { factsOfStudy } from './study-facts';
import { tensorDetail } from './tensor';
import { definition, references } from './tensor-places';
import { write } from './write';

/** One request's handler. */
export type Handler<N extends RequestName> = (
  params: RequestParams<N>,
  context: AnalysisContext,
) => Promise<RequestResult<N>>;

const HANDLERS: { readonly [N in RequestName]: Handler<N> } = {
  'deltalens/attach': attach,
  'deltalens/card': checkpointCard,
  'deltalens/clearCache': clearCache,
  'deltalens/explore': explore,
  'deltalens/complete': complete,
  'deltalens/definition': definition,
  'deltalens/exportCommand': exportCommandFor,
  'deltalens/findData': findData,
  'deltalens/findGraphs': findGraphs,
  'deltalens/formats': formats,
  'deltalens/hover': hoverOver,
  'deltalens/inspect': inspect,
  'deltalens/lenses': lenses,
  'deltalens/lint': lintDocument,
  'deltalens/makeStudy': makeStudy,
  'deltalens/manifest': manifest,
  'deltalens/named': namedCheckpoints,
  'deltalens/places': places,
  'deltalens/readStudy': readStudy,
  'deltalens/references': references,
  'deltalens/runLens': runLens,
  'deltalens/runtime': runtime,
  'deltalens/studyFacts': factsOfStudy,
  'deltalens/tensor': tensorDetail,
  'deltalens/write': write,
};

/**
 * Answers a request. Never rejects: an exception in a handler is a bug, and answered as the problem `internal-error`. Fails with
 * `hub-ask` where it would fetch more than the user wants to have fetched unasked.
 */
export async function answer<N extends RequestName>(
  name: N,
  params: RequestParams<N> & FetchLeave,
  context: AnalysisContext,
): Promise<RequestResult<N>> {
  try {
    const handler: Handler<N> = HANDLERS[name];
    return await withAllowance(params.mayFetch === true ? null : context.askAbove, () =>
      handler(params, context),
    );
  } catch (error) {
    context.log(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return failure(problemFromError(error));
  }
}
