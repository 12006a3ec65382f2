import { CANCELLED, type Problem } from '../protocol/result';
import type { Finding } from '../protocol/finding';

/** What the command line ends with. Scripts rely on it. */
export const EXIT = {
  fine: 0,
  /** There is a finding of level error. */
  findings: 1,
  wrongUse: 2,
  /** Input that cannot be read or is refused. */
  refused: 3,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Problems with what was asked for, not with what was read. */
const WRONG_USE = new Set([
  'wrong-use',
  'unknown-lens',
  'unknown-parameter',
  'bad-parameter',
  'lens-needs-base',
  'lens-needs-tasks',
  'study-base-unknown',
  'study-needs-graph',
  'study-needs-data',
  'write-parameter',
  'output-exists',
  'output-kind',
]);

/** The exit code that tells a script what kind of problem there was. */
export function exitCodeOf(problem: Problem): ExitCode {
  if (problem.code === CANCELLED) return EXIT.cancelled;
  return WRONG_USE.has(problem.code) ? EXIT.wrongUse : EXIT.refused;
}

/** 1 where a finding is of level error, else 0. */
export function exitCodeOfFindings(findings: readonly Finding[]): ExitCode {
  return findings.some((finding) => finding.severity === 'error') ? EXIT.findings : EXIT.fine;
}
