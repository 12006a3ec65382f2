import { parseArgs } from 'node:util';
import { failure, success, type Problem, type Result } from '../protocol/result';

/** One `--name` of a command, as parsing and help need it. */
export interface Option {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** How help calls its value; missing for a switch. */
  readonly value?: string;
  readonly repeated?: boolean;
  readonly help: string;
}

/** What stands behind a command's name. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** Whether a switch is on. */
  has(name: string): boolean;
  /** The value of an option that may be given once. */
  text(name: string): string | undefined;
  /** The values of an option that may be repeated. */
  texts(name: string): readonly string[];
}

/** Parses what stands behind a command's name. Fails with `wrong-use`, naming the argument. */
export function parseArguments(words: readonly string[], options: readonly Option[]): Result<Arguments> {
  const config = Object.fromEntries(
    options.map(({ name, short, value, repeated }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
        ...(repeated ? { multiple: true } : {}),
      },
    ]),
  );
  try {
    const parsed = parseArgs({ args: [...words], options: config, allowPositionals: true, strict: true });
    const given = new Map(Object.entries(parsed.values));
    return success({
      positionals: parsed.positionals,
      has: (name) => given.get(name) === true,
      text: (name) => asText(given.get(name)),
      texts: (name) => [given.get(name) ?? []].flat().filter((value) => typeof value === 'string'),
    });
  } catch (error) {
    // With `strict`, parseArgs throws a TypeError whose first sentence names the argument.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split('. ');
    return failure(wrongUse(`${(sentence ?? '').replace(/\.$/, '')}.`));
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The problem of a command line that makes no sense. */
export function wrongUse(message: string, action = 'See "deltalens help".'): Problem {
  return { code: 'wrong-use', message, action };
}

/** Splits `key=value` at the first `=`; `null` where there is none, or nothing before it. */
export function splitAssignment(text: string): { readonly key: string; readonly value: string } | null {
  const at = text.indexOf('=');
  return at > 0 ? { key: text.slice(0, at), value: text.slice(at + 1) } : null;
}
