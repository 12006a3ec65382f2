import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver/node';
import type { Finding, Severity } from '../protocol/finding';

const SEVERITIES: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

/** Where the findings of a binary file stand: it has no lines. */
const WHOLE_FILE = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** A finding in the words of the language server protocol. What to do about it is the message's second line. */
export function diagnosticOf(finding: Finding): Diagnostic {
  return {
    range: finding.range ?? WHOLE_FILE,
    severity: SEVERITIES[finding.severity],
    code: finding.code,
    source: 'deltalens',
    message: finding.help === '' ? finding.message : `${finding.message}\n${finding.help}`,
  };
}

/**
 * Findings by the file whose check brought them up and by the file they belong to: checking an index also finds what is
 * wrong with its shards. A file shows what every check has last said about it.
 */
export class FindingStore {
  private readonly byChecked = new Map<string, readonly Finding[]>();
  private readonly checksOf = new Map<string, Set<string>>();

  /** Replaces what the check of `checked` said; returns the files whose findings may differ now. */
  set(checked: string, findings: readonly Finding[]): readonly string[] {
    const touched = new Set<string>();
    for (const finding of this.byChecked.get(checked) ?? []) {
      touched.add(finding.path);
      const checks = this.checksOf.get(finding.path);
      checks?.delete(checked);
      if (checks?.size === 0) this.checksOf.delete(finding.path);
    }
    if (findings.length > 0) this.byChecked.set(checked, findings);
    else this.byChecked.delete(checked);
    for (const finding of findings) {
      touched.add(finding.path);
      const checks = this.checksOf.get(finding.path) ?? new Set();
      this.checksOf.set(finding.path, checks.add(checked));
    }
    return [...touched];
  }

  /** What is known to be wrong with a file, the same thing said by two checks once. */
  of(path: string): readonly Finding[] {
    const distinct = new Map<string, Finding>();
    for (const checked of this.checksOf.get(path) ?? []) {
      for (const finding of this.byChecked.get(checked) ?? []) {
        if (finding.path !== path) continue;
        distinct.set(JSON.stringify([finding.code, finding.range, finding.message]), finding);
      }
    }
    return [...distinct.values()];
  }

  /** Every file whose check said something. */
  checked(): readonly string[] {
    return [...this.byChecked.keys()];
  }
}
