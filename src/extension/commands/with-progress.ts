import * as vscode from 'vscode';
import type { RequestName, RequestParams, RequestResult } from '../../protocol/requests';
import type { DeltalensContext } from '../context';

/** Asks the server while a notification says what for, and lets the user break it off. */
export function withProgress<N extends RequestName>(
  { client }: DeltalensContext,
  title: string,
  name: N,
  params: RequestParams<N>,
): Promise<RequestResult<N>> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return Promise.resolve(
    vscode.window.withProgress(options, (_, token) => client.request(name, params, token)),
  );
}
