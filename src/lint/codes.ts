import { DATA_CODES, type DataCode } from '../graph/data/problems';
import { GRAPH_CODES, type GraphCode } from '../graph/problems';
import { FORMAT_CODES, type FormatCode } from '../format/problems';
import { MERGE_CODES, type MergeCode } from '../merge/problems';
import { MODEL_CODES, type ModelCode } from '../model/finding-codes';
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
export type FindingCode = keyof typeof OWN_CODES | FormatCode | ModelCode | GraphCode | DataCode | MergeCode;

/** The table of all codes; `docs/findings.md` is made from it. */
export const CODES: Readonly<Record<FindingCode, CodeEntry>> = {
  ...entriesOf('Checkpoint files and indexes', FORMAT_CODES),
  ...entriesOf('Opening adapters and studies', MODEL_CODES),
  ...entriesOf('Graphs of networks (ONNX)', GRAPH_CODES),
  ...entriesOf('Data sets of studies', DATA_CODES),
  ...entriesOf('Writing checkpoints and adapters', MERGE_CODES),
  ...OWN_CODES,
};

/** Whether a code (of a problem, say) has its place in the table. */
export function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(CODES, code);
}

/** Codes of another room, under one heading. */
function entriesOf<C extends string>(
  family: string,
  codes: readonly { code: C; severity: Severity; explanation: string; action: string }[],
): Record<C, CodeEntry> {
  const entries = codes.map(({ code, severity, explanation, action }): [string, CodeEntry] => [
    code,
    { family, severity, title: explanation, action },
  ]);
  return Object.fromEntries(entries) as Record<C, CodeEntry>;
}
