import type { Diagnostic } from 'vscode-languageserver/node';
import type { ManifestOutline } from '../../model/manifest/read-manifest';
import type { Finding } from '../../protocol/finding';
import { diagnosticOf } from '../diagnostics';

/** Findings of a checkpoint on the lines of their tensors; those of the whole, or of another place, on the first line. */
export function manifestDiagnostics(outline: ManifestOutline, findings: readonly Finding[]): Diagnostic[] {
  return findings.map((finding) => {
    const line = (finding.at === undefined ? undefined : outline.lineOf(finding.at)) ?? 0;
    const character = outline.tensorAt(line)?.length ?? outline.lineText(line).length;
    return { ...diagnosticOf(finding), range: { start: { line, character: 0 }, end: { line, character } } };
  });
}
