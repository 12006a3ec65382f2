import * as vscode from 'vscode';

const STUDIES = '**/*.study.{yaml,yml}';

/** Offers to run a study above its first line, and to attach a graph and data. */
export class StudyCodeLenses implements vscode.CodeLensProvider {
  /** Registers with the editor. */
  static register(): vscode.Disposable {
    return vscode.languages.registerCodeLensProvider(
      { scheme: 'file', pattern: STUDIES },
      new StudyCodeLenses(),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const first = document.lineAt(firstKey(document)).range;
    const graph = lineOf(document, /^graph\s*:/);
    const attach = vscode.l10n.t('$(plug) Attach Graph and Data…');
    return [
      codeLens(first, vscode.l10n.t('$(play) Run'), 'deltalens.openStudy', document.uri),
      codeLens(first, vscode.l10n.t('$(beaker) Run Lens…'), 'deltalens.runLens', document.uri),
      codeLens(graph ?? first, attach, 'deltalens.attachNetwork', document.uri),
    ];
  }
}

function codeLens(range: vscode.Range, title: string, command: string, uri: vscode.Uri): vscode.CodeLens {
  return new vscode.CodeLens(range, { title, command, arguments: [uri] });
}

/** The first line that is neither empty nor a comment; the first of all where there is none. */
function firstKey(document: vscode.TextDocument): number {
  return lineOf(document, /^\s*[^\s#]/)?.start.line ?? 0;
}

function lineOf(document: vscode.TextDocument, pattern: RegExp): vscode.Range | undefined {
  for (let line = 0; line < document.lineCount; line++) {
    const { text, range } = document.lineAt(line);
    if (pattern.test(text)) return range;
  }
  return undefined;
}
