import type { Finding, Severity } from './finding';
import { failure, type Problem, type Result } from './result';
import { visible } from './visible-text';

/** What a code means wherever it appears, and what to do about it. */
export interface CodeDescription {
  readonly severity: Severity;
  /** One line. */
  readonly explanation: string;
  readonly action: string;
}

/**
 * Problems and findings by the codes of one room. `message` is whole sentences and names file and place; what of it comes
 * out of a file can command nothing (`visible`).
 */
export interface CodeTable<Code extends string> {
  /** Every code with its description. */
  readonly list: readonly (CodeDescription & { readonly code: Code })[];
  /** A problem with the action that belongs to its code. */
  readonly problem: (code: Code, path: string, message: string, at?: string) => Problem;
  /** The same as a failed result. */
  readonly refuse: (code: Code, path: string, message: string, at?: string) => Result<never>;
  /** A finding with the severity and help that belong to its code. */
  readonly finding: (code: Code, path: string, message: string, at?: string) => Finding;
}

/** The table of these codes. */
export function codeTable<Code extends string>(
  codes: Readonly<Record<Code, CodeDescription>>,
): CodeTable<Code> {
  const problem: CodeTable<Code>['problem'] = (code, path, message, at) => ({
    code,
    message: visible(message),
    action: codes[code].action,
    path,
    ...(at === undefined ? {} : { at }),
  });
  return {
    list: (Object.keys(codes) as Code[]).map((code) => ({ code, ...codes[code] })),
    problem,
    refuse: (code, path, message, at) => failure(problem(code, path, message, at)),
    finding: (code, path, message, at) => {
      const { severity, action } = codes[code];
      return {
        code,
        severity,
        path,
        message: visible(message),
        help: action,
        ...(at === undefined ? {} : { at }),
      };
    },
  };
}

/** Description of a code of the severity `error`. */
export function errorCode(explanation: string, action: string): CodeDescription {
  return { severity: 'error', explanation, action };
}

/** Description of a code of the severity `warning`. */
export function warningCode(explanation: string, action: string): CodeDescription {
  return { severity: 'warning', explanation, action };
}

/** Description of a code of the severity `information`. */
export function informationCode(explanation: string, action: string): CodeDescription {
  return { severity: 'information', explanation, action };
}
