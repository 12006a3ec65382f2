import { FORMAT_CODES, type FormatCode } from '../format/problems';
import type { Severity } from '../protocol/finding';
import { ADAPTER_CODES } from './codes-adapter';
import { OTHER_CODES } from './codes-other';

/** What a code means wherever it appears. */
export interface CodeEntry {
  /** Heading under which the code stands in the table. */
  readonly family: string;
  readonly severity: Severity;
  /** One line: what is wrong. */
  readonly title: string;
  /** What follows from it; missing where the title says it all. */
  readonly explanation?: string;
  /** What to do about it. */
  readonly action: string;
}

const OWN_CODES = { ...OTHER_CODES, ...ADAPTER_CODES } as const satisfies Record<string, CodeEntry>;

/** Every code that a finding of a rule can have. */
export type FindingCode = keyof typeof OWN_CODES | FormatCode;

/** The table of all codes; `docs/findings.md` is made from it. */
export const CODES: Readonly<Record<FindingCode, CodeEntry>> = { ...fromFormat(), ...OWN_CODES };

/** Whether a code (of a problem, say) has its place in the table. */
export function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(CODES, code);
}

function fromFormat(): Record<FormatCode, CodeEntry> {
  const entries = FORMAT_CODES.map(({ code, severity, explanation, action }) => [
    code,
    { family: 'Checkpoint files and indexes', severity, title: explanation, action } satisfies CodeEntry,
  ]);
  return Object.fromEntries(entries) as Record<FormatCode, CodeEntry>;
}
