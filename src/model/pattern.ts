import type { CharacterTest, Emit, Program } from './pattern-program';
import {
  ahead,
  alternation,
  compile,
  isWord,
  position,
  repetition,
  run,
  single,
  UnsupportedPattern,
} from './pattern-program';

/** A regular expression that can be matched, or why not. */
export type PatternOutcome =
  | { readonly kind: 'pattern'; matches(text: string): boolean }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

const DEPTH_LIMIT = 50;

class InvalidPattern extends Error {}

/**
 * Reads a regular expression in the syntax of Python's `re`, as an adapter configuration may hold one
 * (`target_modules`, `rank_pattern` ...). `matches` is `re.fullmatch`. A configuration comes from anywhere, and a
 * backtracking engine can be kept busy for hours by a short expression, so JavaScript's own is never used.
 * Lookahead is understood; backreferences, lookbehind and inline flags are `unsupported`.
 */
export function readPattern(source: string): PatternOutcome {
  try {
    const program = new PatternReader(source).read();
    return { kind: 'pattern', matches: (text) => run(program, Array.from(text), 0, true) };
  } catch (error) {
    if (error instanceof InvalidPattern) return { kind: 'invalid', reason: error.message };
    if (error instanceof UnsupportedPattern) return { kind: 'unsupported', reason: error.message };
    throw error;
  }
}

const isDigit: CharacterTest = (character) => character >= '0' && character <= '9';
const isSpace: CharacterTest = (character) => /^\s$/.test(character);
const not =
  (test: CharacterTest): CharacterTest =>
  (character) =>
    !test(character);

const CLASSES: Readonly<Record<string, CharacterTest>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' };
const POSITIONS: Readonly<Record<string, 'start' | 'end' | 'word-edge' | 'no-word-edge'>> = {
  A: 'start',
  Z: 'end',
  b: 'word-edge',
  B: 'no-word-edge',
};

class PatternReader {
  private readonly characters: readonly string[];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.characters = Array.from(source);
  }

  read(): Program {
    const emit = this.alternatives();
    if (this.at < this.characters.length) throw new InvalidPattern(`unbalanced ")" at position ${this.at}`);
    return compile(emit);
  }

  private peek(): string | undefined {
    return this.characters[this.at];
  }

  private accept(text: string): boolean {
    const matched = this.characters.slice(this.at, this.at + text.length).join('') === text;
    if (matched) this.at += text.length;
    return matched;
  }

  private alternatives(): Emit {
    if (++this.depth > DEPTH_LIMIT) throw new UnsupportedPattern('groups are nested too deeply');
    const branches = [this.sequence()];
    while (this.accept('|')) branches.push(this.sequence());
    this.depth--;
    const [only] = branches;
    return branches.length === 1 && only ? only : alternation(branches);
  }

  private sequence(): Emit {
    const parts: Emit[] = [];
    for (let next = this.peek(); next !== undefined && next !== '|' && next !== ')'; next = this.peek()) {
      parts.push(this.repeated());
    }
    return (builder) => parts.forEach((part) => part(builder));
  }

  private repeated(): Emit {
    const emit = this.atom();
    const times = this.quantifier();
    if (!times) return emit;
    if (this.accept('+')) throw new UnsupportedPattern('possessive repetition is not understood');
    this.accept('?'); // Lazy or greedy makes no difference to whether the whole text matches.
    if (this.quantifier()) throw new InvalidPattern(`multiple repeat at position ${this.at - 1}`);
    return repetition(emit, times.least, times.most);
  }

  private quantifier(): { least: number; most: number } | null {
    if (this.accept('*')) return { least: 0, most: Infinity };
    if (this.accept('+')) return { least: 1, most: Infinity };
    if (this.accept('?')) return { least: 0, most: 1 };
    if (this.peek() !== '{') return null;
    const rest = this.characters.slice(this.at, this.at + 32).join('');
    const counts = /^\{(\d*)(,?)(\d*)\}/.exec(rest);
    if (!counts || (counts[1] === '' && counts[3] === '' && counts[2] === '')) return null;
    this.at += counts[0].length;
    const least = Number(counts[1]);
    const most = counts[2] === '' ? least : counts[3] === '' ? Infinity : Number(counts[3]);
    if (most < least) throw new InvalidPattern(`min repeat greater than max repeat at position ${this.at}`);
    return { least, most };
  }

  private atom(): Emit {
    const character = this.characters[this.at++] as string;
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return single(this.set());
      case '.':
        return single((other) => other !== '\n');
      case '^':
        return position('start');
      case '$':
        return position('end');
      case '\\':
        return this.escape();
      case '*':
      case '+':
      case '?':
        throw new InvalidPattern(`nothing to repeat at position ${this.at - 1}`);
      default:
        return single((other) => other === character);
    }
  }

  private group(): Emit {
    const opened = this.at - 1;
    const look = this.accept('?=') ? 'positive' : this.accept('?!') ? 'negative' : null;
    if (!look && this.accept('?P<')) {
      while (this.peek() !== undefined && !this.accept('>')) this.at++;
    } else if (!look && !this.accept('?:') && this.peek() === '?') {
      throw new UnsupportedPattern(`the group at position ${opened} is of a kind that is not understood`);
    }
    const emit = this.alternatives();
    if (!this.accept(')'))
      throw new InvalidPattern(`missing ")", unterminated subpattern at position ${opened}`);
    return look ? ahead(emit, look === 'negative') : emit;
  }

  private escape(): Emit {
    const character = this.characters[this.at++];
    if (character === undefined) throw new InvalidPattern('bad escape at the end of the pattern');
    const edge = POSITIONS[character];
    if (edge) return position(edge);
    return single(this.escaped(character));
  }

  private escaped(character: string): CharacterTest {
    const known = CLASSES[character];
    if (known) return known;
    const control = CONTROLS[character];
    if (control !== undefined) return (other) => other === control;
    if (isDigit(character)) throw new UnsupportedPattern('backreferences are not understood');
    if (/[a-zA-Z]/.test(character))
      throw new InvalidPattern(`bad escape \\${character} at position ${this.at - 2}`);
    return (other) => other === character;
  }

  /** A set in brackets; the opening one is already read. */
  private set(): CharacterTest {
    const opened = this.at - 1;
    const negative = this.accept('^');
    const tests: CharacterTest[] = [];
    for (let first = true; first || this.peek() !== ']'; first = false) {
      if (this.peek() === undefined)
        throw new InvalidPattern(`unterminated character set at position ${opened}`);
      tests.push(this.setItem());
    }
    this.at++;
    const any: CharacterTest = (character) => tests.some((test) => test(character));
    return negative ? not(any) : any;
  }

  private setItem(): CharacterTest {
    const low = this.setCharacter();
    if (typeof low !== 'string') return low;
    const isRange = this.peek() === '-' && this.characters[this.at + 1] !== ']';
    if (!isRange || this.characters[this.at + 1] === undefined) return (character) => character === low;
    this.at++;
    const high = this.setCharacter();
    if (typeof high !== 'string' || high < low) {
      throw new InvalidPattern(`bad character range at position ${this.at - 1}`);
    }
    return (character) => character >= low && character <= high;
  }

  private setCharacter(): string | CharacterTest {
    const character = this.characters[this.at++] as string;
    if (character !== '\\') return character;
    const escaped = this.characters[this.at++];
    if (escaped === undefined) throw new InvalidPattern('bad escape at the end of the pattern');
    if (escaped === 'b') return '\b';
    return CONTROLS[escaped] ?? (/[^a-zA-Z0-9]/.test(escaped) ? escaped : this.escaped(escaped));
  }
}
