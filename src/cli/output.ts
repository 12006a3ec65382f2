import fs from 'node:fs/promises';
import path from 'node:path';
import { problemFromError, failure, success, type Result } from '../protocol/result';

/** Where a command's results and complaints go. */
export interface Output {
  /** Results: standard output. Pieces are written one after the other. */
  print(text: string | Iterable<string>): void;
  /** Everything else: standard error. */
  complain(text: string): void;
}

/** The process's own streams. A reader that stops early (`| head`) is no error. */
export function standardOutput(): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    print: (text) => {
      for (const piece of typeof text === 'string' ? [text] : text) process.stdout.write(piece);
    },
    complain: (text) => void process.stderr.write(text),
  };
}

/**
 * Writes a file so that it is either there whole or not at all: under a temporary name beside it, flushed to disk, then
 * renamed. Fails with the operating system's answer.
 */
export async function writeWhole(file: string, text: string | Iterable<string>): Promise<Result<void>> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${String(process.pid)}.tmp`);
  try {
    const handle = await fs.open(temporary, 'wx');
    try {
      // Each piece goes on where the last one ended.
      for (const piece of typeof text === 'string' ? [text] : text) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
    return success(undefined);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    return failure(problemFromError(error, file));
  }
}

/**
 * Whether a file of that name can be there at all, so that nobody finds out after an hour of reading: fails where
 * `file` is a folder, or its folder is missing or takes no files.
 */
export async function checkTarget(file: string): Promise<Result<void>> {
  const target = await fs.stat(file).catch(() => null);
  if (target?.isDirectory()) return failure(problemFromError({ code: 'EISDIR' }, file));
  const folder = path.dirname(path.resolve(file));
  try {
    await fs.access(folder, fs.constants.W_OK);
    return success(undefined);
  } catch (error) {
    return failure(problemFromError(error, folder));
  }
}

/** Whether writing `file` would replace an input: one of `inputs` itself, or a file that is there in an input's folder. */
export async function isInput(file: string, inputs: readonly string[]): Promise<boolean> {
  const real = await fs.realpath(file).catch(() => null);
  if (real === null) return false;
  const reals = await Promise.all(inputs.map((input) => fs.realpath(input).catch(() => null)));
  return reals.some((input) => input === real || input === path.dirname(real));
}
