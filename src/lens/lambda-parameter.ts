import { failure, success, type Result } from '../protocol/result';

/**
 * λ for each task, from one number for all (`0.4`), one per task (`rot90=0.5,invert=0.4`), or both (`0.4,rot90=0.5`).
 * A task that is not named has the number that stands alone, or `usual`. `others` may be named though they are left out, since
 * they cannot be compared. Fails with `bad-parameter`.
 */
export function lambdasOf(
  text: string,
  tasks: readonly string[],
  usual: number,
  others: readonly string[] = [],
): Result<readonly number[]> {
  let common = usual;
  const own = new Map<string, number>();
  for (const part of text.split(',').filter((each) => each.trim() !== '')) {
    const equals = part.lastIndexOf('=');
    const value = numberOf(part.slice(equals + 1));
    const task = part.slice(0, Math.max(0, equals)).trim();
    if (value === null) return bad(part, 'it must be a number that is not negative', tasks);
    if (equals < 0) common = value;
    else if (tasks.includes(task) || others.includes(task)) own.set(task, value);
    else return bad(part, `there is no task "${task}"`, tasks);
  }
  return success(tasks.map((task) => own.get(task) ?? common));
}

function numberOf(text: string): number | null {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

const NAMES_SHOWN = 8;

function bad(part: string, reason: string, tasks: readonly string[]): Result<never> {
  const names = tasks.slice(0, NAMES_SHOWN).join(', ');
  const more = tasks.length > NAMES_SHOWN ? ', …' : '';
  return failure({
    code: 'bad-parameter',
    message: `Parameter "lambda" holds "${part.trim()}": ${reason}.`,
    action: `Give one number (0.4), or one for each task: ${names}${more} (as in ${tasks[0] ?? 'task'}=0.5).`,
    at: 'lambda',
  });
}
