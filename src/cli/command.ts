import type { Arguments, Option } from './arguments';
import type { ExitCode } from './exit-codes';
import type { Session } from './session';

/** One command. One file each in `commands/`, registered in `registry.ts`; help is made from these. */
export interface Command {
  readonly name: string;
  /** What follows `deltalens NAME`, one line per form. */
  readonly usage: readonly string[];
  /** One line. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** Further help that depends on the registries, e.g. on the lens that is named. */
  readonly details?: (positionals: readonly string[]) => string;
  run(given: Arguments, session: Session): Promise<ExitCode>;
}

export const JSON_OPTION: Option = {
  name: 'json',
  help: 'print JSON and nothing else on standard output',
};

export const OUTPUT_OPTION: Option = {
  name: 'output',
  short: 'o',
  value: 'FILE',
  help: 'write to FILE in place of standard output',
};
