import * as vscode from 'vscode';
import { Disposable } from './disposable';

/** The `source` that the server gives its diagnostics, in lower case. */
const SOURCE = 'deltalens';

/** Counts the server's diagnostics per file, for the badges of the tree. */
export class Findings extends Disposable {
  private readonly change = this.register(new vscode.EventEmitter<void>());
  /** Fires when a count may have changed. */
  readonly onChange = this.change.event;

  constructor() {
    super();
    this.register(vscode.languages.onDidChangeDiagnostics(() => this.change.fire()));
  }

  /** Findings of a file; of a folder: of everything in it. */
  count(path: string): number {
    const own = vscode.Uri.file(path).path;
    let count = 0;
    for (const [uri, diagnostics] of vscode.languages.getDiagnostics()) {
      if (uri.scheme !== 'file' || (uri.path !== own && !uri.path.startsWith(`${own}/`))) continue;
      count += diagnostics.filter((diagnostic) => diagnostic.source?.toLowerCase() === SOURCE).length;
    }
    return count;
  }

  /** Findings in the whole workspace. */
  total(): number {
    return vscode.languages
      .getDiagnostics()
      .flatMap(([, diagnostics]) => diagnostics)
      .filter((diagnostic) => diagnostic.source?.toLowerCase() === SOURCE).length;
  }
}
