/** Whether a character may stand at a place. */
export type CharacterTest = (character: string) => boolean;

type Instruction =
  | { readonly op: 'character'; readonly test: CharacterTest }
  | { readonly op: 'split'; readonly to: readonly number[] }
  | { readonly op: 'start' | 'end' | 'word-edge' | 'no-word-edge' | 'match' }
  | { readonly op: 'ahead'; readonly program: Program; readonly negative: boolean };

/** A compiled pattern: states numbered by their index, the first one where matching starts. */
export type Program = readonly Instruction[];

/** A part of a pattern writes its states and falls through to what is written after it. */
export type Emit = (builder: ProgramBuilder) => void;

/** A pattern that is correct but not for us. */
export class UnsupportedPattern extends Error {}

const SIZE_LIMIT = 20_000;

/** Where the parts of a pattern write their states; refuses to grow without bound. */
export class ProgramBuilder {
  readonly states: Instruction[] = [];
  private copies = 0;

  /** Number of the state that is written next. */
  get next(): number {
    return this.states.length;
  }

  push(instruction: Instruction): void {
    this.states.push(instruction);
    if (this.states.length > SIZE_LIMIT) this.refuse();
  }

  /** Writes one more copy of a repeated part. Copies are counted too: those of an empty group write nothing. */
  copy(part: Emit): void {
    if (++this.copies > SIZE_LIMIT) this.refuse();
    part(this);
  }

  private refuse(): never {
    throw new UnsupportedPattern('repetitions make the pattern too large');
  }
}

/** One character that passes a test. */
export function single(test: CharacterTest): Emit {
  return (builder) => builder.push({ op: 'character', test });
}

/** `^`, `$` and word edges: nothing is read. */
export function position(op: 'start' | 'end' | 'word-edge' | 'no-word-edge'): Emit {
  return (builder) => builder.push({ op });
}

/** A lookahead. */
export function ahead(part: Emit, negative: boolean): Emit {
  const program = compile(part);
  return (builder) => builder.push({ op: 'ahead', program, negative });
}

/** One of several parts. */
export function alternation(branches: readonly Emit[]): Emit {
  return (builder) => {
    const starts: number[] = [];
    const ends: number[][] = [];
    builder.push({ op: 'split', to: starts });
    for (const branch of branches) {
      starts.push(builder.next);
      branch(builder);
      const end: number[] = [];
      ends.push(end);
      builder.push({ op: 'split', to: end });
    }
    ends.forEach((end) => end.push(builder.next));
  };
}

/** A part repeated at least `least` and at most `most` times; `most` may be Infinity. */
export function repetition(part: Emit, least: number, most: number): Emit {
  return (builder) => {
    for (let count = 0; count < least; count++) builder.copy(part);
    if (most === Infinity) {
      const start = builder.next;
      const fork = [start + 1];
      builder.push({ op: 'split', to: fork });
      builder.copy(part);
      builder.push({ op: 'split', to: [start] });
      fork.push(builder.next);
      return;
    }
    const forks: number[][] = [];
    for (let count = least; count < most; count++) {
      const fork = [builder.next + 1];
      forks.push(fork);
      builder.push({ op: 'split', to: fork });
      builder.copy(part);
    }
    forks.forEach((fork) => fork.push(builder.next));
  };
}

/** Turns a part into a program of its own. */
export function compile(part: Emit): Program {
  const builder = new ProgramBuilder();
  part(builder);
  builder.push({ op: 'match' });
  return builder.states;
}

/**
 * Follows all alternatives at once from `from` on, so that time is at most length × size (Thompson 1968).
 * `whole`: the match must end where the text ends; otherwise anywhere.
 */
export function run(program: Program, characters: readonly string[], from: number, whole: boolean): boolean {
  let states = closure(program, [0], characters, from);
  for (let at = from; ; at++) {
    const matched = states.some((state) => program[state]?.op === 'match');
    if (matched && (!whole || at === characters.length)) return true;
    const character = characters[at];
    if (character === undefined || states.length === 0) return false;
    const next: number[] = [];
    for (const state of states) {
      const instruction = program[state];
      if (instruction?.op === 'character' && instruction.test(character)) next.push(state + 1);
    }
    states = closure(program, next, characters, at + 1);
  }
}

/** All states reachable from `starts` without reading a character. */
function closure(program: Program, starts: readonly number[], characters: readonly string[], at: number) {
  const seen = new Set<number>();
  const waiting = [...starts];
  const reached: number[] = [];
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const instruction = program[state];
    if (!instruction || seen.has(state)) continue;
    seen.add(state);
    if (instruction.op === 'split') waiting.push(...instruction.to);
    else if (instruction.op === 'character' || instruction.op === 'match') reached.push(state);
    else if (holds(instruction, characters, at)) waiting.push(state + 1);
  }
  return reached;
}

function holds(
  instruction: Exclude<Instruction, { readonly op: 'split' | 'character' }>,
  characters: readonly string[],
  at: number,
): boolean {
  if (instruction.op === 'start') return at === 0;
  if (instruction.op === 'end') return at === characters.length;
  if (instruction.op === 'ahead') {
    return run(instruction.program, characters, at, false) !== instruction.negative;
  }
  const before = isWord(characters[at - 1] ?? '');
  const after = isWord(characters[at] ?? '');
  return (before !== after) === (instruction.op === 'word-edge');
}

/** A letter, a digit or an underscore, as Python's `\\w`. */
export const isWord: CharacterTest = (character) => /^[\p{L}\p{N}_]$/u.test(character);
