// Runs other programs and says what it does. Node builtins only: this works before anything is installed.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Why a script cannot go on; shown to the user without a stack. */
export class Refusal extends Error {}

/**
 * Runs a program to its end with its output on the terminal. Throws a {@link Refusal} where it fails.
 * @param {string} program
 * @param {readonly string[]} words
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, what?: string }} [options] `what`: for the error message
 */
export function run(program, words, { cwd = root, env = process.env, what } = {}) {
  // npm is a batch file on Windows, which only a shell starts.
  const shell = process.platform === 'win32' && program !== process.execPath;
  const { status, error } = spawnSync(program, words, {
    cwd,
    env,
    shell,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) return;
  const reason = error ? error.message : `exit code ${status}`;
  throw new Refusal(`${what ?? [path.basename(program), ...words].join(' ')} failed (${reason}).`);
}

/**
 * Runs `main` and turns a {@link Refusal} into a message and exit code 1.
 * @param {() => Promise<unknown> | unknown} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** @param {string} metaUrl `import.meta.url` of a script; tells whether it was started by itself. */
export function isMain(metaUrl) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(metaUrl);
}

/** `--name=value` or `--name value` from the command line, `''` for a bare `--name`. @param {string} name */
export function flag(name) {
  const words = process.argv.slice(2);
  const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  const [, value] = /^[^=]+=(.*)$/s.exec(words[at]) ?? [];
  const next = words[at + 1];
  return value ?? (next === undefined || next.startsWith('--') ? '' : next);
}
