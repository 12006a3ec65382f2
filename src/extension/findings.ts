import * as vscode from 'vscode';
import type { ExplorerEntry } from '../protocol/explorer';
import { MANIFEST_SCHEME } from '../protocol/manifest';
import { Disposable } from './disposable';
import type { LocalCopies } from './copies/local-copies';
import { belongsTo } from './tree/belongs-to';

/** The `source` that the server gives its diagnostics. */
const SOURCE = 'deltalens';

/** Counts the errors and warnings of the server per file, for the badges of the tree. Hints are no reason to look. */
export class Findings extends Disposable {
  private readonly change = this.register(new vscode.EventEmitter<void>());
  /** Fires when a count may have changed. */
  readonly onChange = this.change.event;

  constructor(private readonly copies: LocalCopies) {
    super();
    this.register(vscode.languages.onDidChangeDiagnostics(() => this.change.fire()));
  }

  /** Findings of a checkpoint or adapter and the files that belong to it. */
  count(entry: ExplorerEntry): number {
    return countIn((uri) => uri.scheme !== MANIFEST_SCHEME && belongsTo(entry, this.copies.pathOf(uri)));
  }

  /** Findings in the whole workspace. A manifest only shows once more what its checkpoint has. */
  total(): number {
    return countIn((uri) => uri.scheme !== MANIFEST_SCHEME);
  }
}

function countIn(belongs: (uri: vscode.Uri) => boolean): number {
  return vscode.languages
    .getDiagnostics()
    .flatMap(([uri, diagnostics]) => (belongs(uri) ? diagnostics : []))
    .filter(({ source, severity }) => source === SOURCE && severity <= vscode.DiagnosticSeverity.Warning)
    .length;
}
