import * as crypto from 'node:crypto';
import * as vscode from 'vscode';
import { pageHtml } from './page-html';

export type PageName = 'result' | 'checkpoint';

/** Where the pages' own files lie; nothing else can be loaded into a page. */
export function webviewOptions(extension: vscode.ExtensionContext): vscode.WebviewOptions {
  return {
    enableScripts: true,
    localResourceRoots: [vscode.Uri.joinPath(extension.extensionUri, 'dist', 'webview')],
  };
}

/** Gives a webview its page. What the page shows comes by message afterwards. */
export function showPage(webview: vscode.Webview, extension: vscode.ExtensionContext, page: PageName): void {
  const file = (name: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(extension.extensionUri, 'dist', 'webview', name)).toString();
  webview.html = pageHtml({
    title: page === 'result' ? vscode.l10n.t('Deltalens result') : vscode.l10n.t('Deltalens checkpoint'),
    language: vscode.env.language,
    script: file(`${page}.js`),
    styles: [file('codicon.css'), file(`${page}.css`)],
    source: webview.cspSource,
    nonce: crypto.randomBytes(16).toString('base64url'),
  });
}
