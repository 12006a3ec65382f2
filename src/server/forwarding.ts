import type { Connection } from 'vscode-languageserver/node';
import type { LensResult } from '../protocol/artifact';
import type {
  JobPartial,
  JobProgress,
  RequestName,
  RequestParams,
  RequestResult,
} from '../protocol/requests';
import type { Compute } from './compute-processes';

const FORWARDED: Readonly<Record<RequestName, true>> = {
  'deltalens/attach': true,
  'deltalens/card': true,
  'deltalens/clearCache': true,
  'deltalens/explore': true,
  'deltalens/complete': true,
  'deltalens/definition': true,
  'deltalens/exportCommand': true,
  'deltalens/findData': true,
  'deltalens/findGraphs': true,
  'deltalens/formats': true,
  'deltalens/hover': true,
  'deltalens/inspect': true,
  'deltalens/lenses': true,
  'deltalens/lint': true,
  'deltalens/makeStudy': true,
  'deltalens/manifest': true,
  'deltalens/named': true,
  'deltalens/places': true,
  'deltalens/readStudy': true,
  'deltalens/references': true,
  'deltalens/runLens': true,
  'deltalens/runtime': true,
  'deltalens/studyFacts': true,
  'deltalens/tensor': true,
  'deltalens/write': true,
};

/** The names of all requests that the compute process answers. */
export const REQUEST_NAMES = Object.keys(FORWARDED) as readonly RequestName[];

/** The little of a cancellation token that matters here. */
interface Token {
  readonly isCancellationRequested: boolean;
  onCancellationRequested(listen: () => void): unknown;
}

/** An abort signal that follows a cancellation token. */
export function signalOf(token: Token): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/**
 * Hands every request of the protocol on to the compute process and its progress back to the client, under the job's
 * name where the request has one. `onAnswer` sees what passes through.
 */
export function forwardRequests(
  connection: Connection,
  compute: Compute,
  onAnswer: <N extends RequestName>(name: N, result: RequestResult<N>) => void,
): void {
  for (const name of REQUEST_NAMES) {
    connection.onRequest<RequestResult<RequestName>, void>(
      name,
      async (params: RequestParams<typeof name>, token: Token) => {
        const job = 'job' in params ? params.job : undefined;
        const onProgress = (fraction: number, message: string) => {
          if (job === undefined) return;
          const progress: JobProgress = { job, fraction, message };
          void connection.sendNotification('deltalens/progress', progress);
        };
        const options = { signal: signalOf(token), onProgress };
        const onPartial = (partial: LensResult) => {
          const sent: JobPartial = { job: job ?? '', result: partial };
          void connection.sendNotification('deltalens/partial', sent);
        };
        const result = await compute.request(
          name,
          params,
          job === undefined ? options : { ...options, onPartial },
        );
        onAnswer(name, result);
        return result;
      },
    );
  }
}
