import type * as vscode from 'vscode';
import type { RequestName, RequestParams, RequestResult } from '../protocol/requests';
import type { TreeNode } from './tree/nodes';

/** A page has drawn: a result panel that many cells, a checkpoint editor that many rows. */
export interface Drawn {
  readonly page: 'result' | 'checkpoint';
  /** The panel's title, or the path of the checkpoint. */
  readonly title: string;
  readonly count: number;
}

/** What `activate` returns: what a test inside the extension host cannot see from outside. */
export interface DeltalensApi {
  /** Milliseconds spent loading the bundle and in `activate`. */
  readonly activationMs: number;
  readonly onDrawn: vscode.Event<Drawn>;
  readonly checkpoints: vscode.TreeDataProvider<TreeNode>;
  /** Restores result panels after a window reload. */
  readonly serializer: vscode.WebviewPanelSerializer;
  request<N extends RequestName>(name: N, params: RequestParams<N>): Promise<RequestResult<N>>;
}
