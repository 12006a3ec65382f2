import { visible } from './visible-text';

/** Why an operation could not give a value. Shown to the user as it stands, so every word must help. */
export interface Problem {
  /** Stable, kebab-case, e.g. `file-truncated`. */
  readonly code: string;
  /** What is wrong, naming the file and the place, in one or two sentences. */
  readonly message: string;
  /** What the user can do about it. */
  readonly action: string;
  /** Absolute path of the file concerned. */
  readonly path?: string;
  /** Byte offset, JSON key or tensor name inside the file. */
  readonly at?: string;
}

/** A value or the reason why there is none. Expected failures travel as values, never as exceptions. */
export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** Wraps a value. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Wraps a problem. */
export function failure<T = never>(problem: Problem): Result<T> {
  return { ok: false, problem };
}

/** The code of every problem that says "the user cancelled this". */
export const CANCELLED = 'cancelled';

/** The problem that a cancelled operation returns. */
export function cancelled<T = never>(): Result<T> {
  return failure({ code: CANCELLED, message: 'Cancelled.', action: 'Run it again when you need it.' });
}

/** Turns anything thrown (a bug, or the operating system's answer) into a problem that names the place. */
export function problemFromError(error: unknown, path?: string): Problem {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const known = OPERATING_SYSTEM_ANSWERS[code];
  return {
    code: known?.code ?? 'internal-error',
    message: visible(known && path ? `${path}: ${known.message}` : message),
    action: known?.action ?? 'Run "Deltalens: Show Log" and report what it says.',
    ...(path === undefined ? {} : { path }),
  };
}

const OPERATING_SYSTEM_ANSWERS: Readonly<Record<string, { code: string; message: string; action: string }>> =
  {
    ENOENT: { code: 'file-missing', message: 'there is no such file or folder.', action: 'Check the path.' },
    EACCES: { code: 'file-unreadable', message: 'permission denied.', action: 'Check the permissions.' },
    EPERM: { code: 'file-unreadable', message: 'permission denied.', action: 'Check the permissions.' },
    EISDIR: {
      code: 'not-a-file',
      message: 'this is a folder, not a file.',
      action: 'Name a file inside it.',
    },
    ENOTDIR: {
      code: 'file-missing',
      message: 'a part of the path is not a folder.',
      action: 'Check the path.',
    },
    EEXIST: {
      code: 'output-exists',
      message: 'there is something by that name already.',
      action: 'Choose a name that is not taken.',
    },
    ENOTEMPTY: {
      code: 'output-exists',
      message: 'there is something by that name already.',
      action: 'Choose a name that is not taken.',
    },
    ENOSPC: {
      code: 'disk-full',
      message: 'the disk is full; nothing was left behind.',
      action: 'Make room, or write to another disk.',
    },
    EDQUOT: {
      code: 'disk-full',
      message: 'your quota on this disk is used up; nothing was left behind.',
      action: 'Make room, or write to another disk.',
    },
    EROFS: {
      code: 'file-unreadable',
      message: 'the file system is read-only.',
      action: 'Write to another place.',
    },
    ELOOP: {
      code: 'link-loop',
      message: 'links lead in a circle.',
      action: 'Name the file itself, or make the links anew.',
    },
    ENAMETOOLONG: { code: 'file-missing', message: 'no file has a name as long.', action: 'Check the path.' },
    ERR_INVALID_ARG_VALUE: {
      code: 'file-missing',
      message: 'this is no path of a file.',
      action: 'Check the path.',
    },
    EMFILE: {
      code: 'too-many-files',
      message: 'too many files are open.',
      action: 'Close some programs, or raise the limit on open files.',
    },
  };
