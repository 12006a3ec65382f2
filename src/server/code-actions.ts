import {
  CodeActionKind,
  type CodeAction,
  type Range,
  type TextDocumentEdit,
} from 'vscode-languageserver/node';
import type { Finding, QuickFix, TextRange } from '../protocol/finding';
import { diagnosticOf } from './diagnostics';

/** A text document as an edit names it; `version` is `null` where no editor holds it. */
export interface EditTarget {
  readonly uri: string;
  readonly version: number | null;
}

/** The quick fixes of all findings that touch `range`. `targetOf` says how the editor knows a file. */
export function quickFixes(
  findings: readonly Finding[],
  range: Range,
  targetOf: (path: string) => EditTarget,
): CodeAction[] {
  return findings
    .filter((finding) => finding.range && touches(finding.range, range))
    .flatMap((finding) =>
      (finding.fixes ?? []).map((fix) => ({
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnosticOf(finding)],
        isPreferred: finding.fixes?.length === 1,
        edit: { documentChanges: editsOf(fix, targetOf) },
      })),
    );
}

function editsOf(fix: QuickFix, targetOf: (path: string) => EditTarget): TextDocumentEdit[] {
  const byPath = new Map<string, { range: TextRange; newText: string }[]>();
  for (const { path, range, newText } of fix.edits) {
    byPath.set(path, [...(byPath.get(path) ?? []), { range, newText }]);
  }
  return [...byPath].map(([path, edits]) => ({ textDocument: targetOf(path), edits }));
}

function touches(a: TextRange, b: Range): boolean {
  return !isBefore(a.end, b.start) && !isBefore(b.end, a.start);
}

function isBefore(a: TextRange['start'], b: TextRange['start']): boolean {
  return a.line < b.line || (a.line === b.line && a.character < b.character);
}
