/** Says which names pass, or why the filter cannot be used. */
export type NameFilter =
  | { readonly ok: true; readonly matches: (name: string) => boolean }
  | { readonly ok: false; readonly message: string };

/** Work in matching one name, in steps of a backtracking matcher, beyond which a view would hang. */
const MOST_STEPS = 1e8;

/**
 * Makes a filter. Text matches anywhere, ignoring case. A regular expression is matched ignoring case as well; one that could
 * take practically forever on names of up to `longest` characters is refused, since nothing can stop it once it runs.
 */
export function makeNameFilter(text: string, isPattern: boolean, longest: number): NameFilter {
  if (!isPattern) {
    const wanted = text.toLowerCase();
    return { ok: true, matches: (name) => name.toLowerCase().includes(wanted) };
  }
  let pattern: RegExp;
  try {
    pattern = new RegExp(text, 'iu');
  } catch (error) {
    return { ok: false, message: readable(error) };
  }
  const danger = dangerOf(text, longest);
  return danger ? { ok: false, message: danger } : { ok: true, matches: (name) => pattern.test(name) };
}

function readable(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Invalid regular expression: \/.*\/[a-z]*: /s, '');
}

interface Group {
  /** Whether what is inside can match in more than one length. */
  varies: boolean;
}

/**
 * Why a pattern may take too long, or `null`. A repeated group whose inside varies (`(a+)*`, `(a|aa)+`) can take exponential time;
 * k repetitions side by side take up to n^k steps on n characters, one more when the match may start anywhere.
 */
export function dangerOf(pattern: string, longest: number): string | null {
  const groups: Group[] = [{ varies: false }];
  let repetitions = 0;
  let options = 0;
  let closed: Group | null = null;
  for (const token of tokens(pattern)) {
    const inside = groups[groups.length - 1];
    if (token === '(') {
      groups.push({ varies: false });
      closed = null;
    } else if (token === ')') {
      closed = groups.length > 1 ? (groups.pop() ?? null) : null;
      const outer = groups[groups.length - 1];
      if (closed?.varies && outer) outer.varies = true;
    } else if (token === '|') {
      if (inside) inside.varies = true;
      closed = null;
    } else if (token === '?') {
      options += 1;
      if (inside) inside.varies = true;
      closed = null;
    } else if (token === '*') {
      if (closed?.varies)
        return 'A repeated group must not hold a repetition or a choice: matching could take forever.';
      repetitions += 1;
      if (inside) inside.varies = true;
      closed = null;
    } else {
      closed = null;
    }
  }
  const steps = stepsOf(repetitions, options, longest);
  return steps > MOST_STEPS ? 'Too many repetitions for names this long: matching could take minutes.' : null;
}

/** Ways to spread n characters over k repetitions from any start, times two for every option. */
function stepsOf(repetitions: number, options: number, longest: number): number {
  if (repetitions + options === 0) return 0;
  let steps = 2 ** options;
  for (let index = 1; index <= repetitions + 1; index++) steps *= (longest + index) / index;
  return steps;
}

/** `(`, `)`, `|`, `*` for every quantifier with room to grow, `?` for an option, `a` for anything else. */
function* tokens(pattern: string): Generator<string> {
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      at += 1;
      yield 'a';
    } else if (character === '[') {
      at = endOfClass(pattern, at);
      yield 'a';
    } else if (character === '(') {
      yield '(';
      const head = /^\(\?(?:[:=!]|<[=!]|<[^>]*>)/.exec(pattern.slice(at));
      if (head) at += head[0].length - 1;
    } else if (character === '+' || character === '*') {
      yield '*';
      if (pattern.charAt(at + 1) === '?') at += 1;
    } else if (character === '{') {
      const bounds = /^\{(\d+)(,?)(\d*)\}\??/.exec(pattern.slice(at));
      const fixed = bounds && (bounds[2] === '' || bounds[1] === bounds[3]);
      yield fixed && Number(bounds[1]) <= 16 ? 'a' : '*';
      if (bounds) at += bounds[0].length - 1;
    } else if (character === '?' || character === ')' || character === '|') {
      yield character;
    } else {
      yield 'a';
    }
  }
}

function endOfClass(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at++) {
    if (pattern.charAt(at) === '\\') at += 1;
    else if (pattern.charAt(at) === ']') return at;
  }
  return pattern.length;
}
