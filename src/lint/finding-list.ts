import type { Finding, QuickFix, TextRange } from '../protocol/finding';
import { visible } from '../protocol/visible-text';
import type { FindingCode } from './codes';
import { CODES } from './codes';

/** More findings than this in one file help nobody; the rest is counted. */
export const FINDING_LIMIT = 100;

/** What a rule says about one place; code and severity come from the table of codes. */
export interface FindingText {
  readonly range?: TextRange;
  readonly at?: string;
  readonly message: string;
  readonly help: string;
  readonly fixes?: readonly QuickFix[];
}

/** Collects the findings of one file: the first hundred as such, the others as a number. */
export class FindingList {
  private readonly findings: Finding[] = [];
  private suppressed = 0;

  constructor(readonly path: string) {}

  /** True when further findings are only counted, so that their texts need not be made. */
  get full(): boolean {
    return this.findings.length >= FINDING_LIMIT;
  }

  /** Adds a finding of a code of our own; `text` is a function where making it costs something. */
  add(code: FindingCode, text: FindingText | (() => FindingText)): void {
    if (this.full) {
      this.suppressed++;
      return;
    }
    const { message, ...rest } = typeof text === 'function' ? text() : text;
    this.findings.push({
      code,
      severity: CODES[code].severity,
      path: this.path,
      message: visible(message),
      ...rest,
    });
  }

  /** Adds a finding that another room has made. */
  addFinished(finding: Finding): void {
    if (this.full) this.suppressed++;
    else this.findings.push(finding);
  }

  /** Adds what another list holds. */
  addAll(other: FindingList): void {
    other.findings.forEach((finding) => this.addFinished(finding));
    this.suppressed += other.suppressed;
  }

  /** All findings, with one more at the end that says how many were left out. */
  all(): readonly Finding[] {
    if (this.suppressed === 0) return this.findings;
    const count = this.suppressed.toLocaleString('en-US');
    const last: Finding = {
      code: 'more-findings' satisfies FindingCode,
      severity: CODES['more-findings'].severity,
      path: this.path,
      message: `${count} more findings in this file are not shown.`,
      help: 'Repair those above first; many of the others usually have the same cause.',
      ...(this.findings[0]?.range === undefined ? {} : { range: this.findings[0].range }),
    };
    return [...this.findings, last];
  }
}

/** A quick fix that replaces one range of the file itself. */
export function replacement(title: string, path: string, range: TextRange, newText: string): QuickFix {
  return { title, edits: [{ path, range, newText }] };
}
