import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { MANIFEST_SCHEME } from '../../protocol/manifest';
import type { LocalCopies } from './local-copies';

/** What the hovers of manifests offer; names from files are escaped in them. */
const HOVER_COMMANDS = ['deltalens.showSpectrum', 'deltalens.inspect', 'deltalens.compareWithBase'];

/** Has what the server says of copies said of the files that they are copies of. */
export function originals(copies: LocalCopies): Middleware {
  const original = (uri: vscode.Uri) => (uri.scheme === 'file' ? copies.uriOf(uri.fsPath) : uri);
  return {
    handleDiagnostics(uri, diagnostics, next) {
      for (const diagnostic of diagnostics) diagnostic.message = copies.shown(diagnostic.message);
      next(original(uri), diagnostics);
    },
    async provideDocumentLinks(document, token, next) {
      const links = await next(document, token);
      for (const link of links ?? []) if (link.target) link.target = original(link.target);
      return links;
    },
    async provideHover(document, position, token, next) {
      const hover = await next(document, position, token);
      for (const content of hover?.contents ?? []) {
        if (!(content instanceof vscode.MarkdownString)) continue;
        content.value = copies.shown(content.value);
        if (document.uri.scheme === MANIFEST_SCHEME) content.isTrusted = { enabledCommands: HOVER_COMMANDS };
      }
      return hover;
    },
  };
}
