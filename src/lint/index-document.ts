import { createScanner, type JSONScanner } from 'jsonc-parser';
import { pausing } from './pausing';
import { clipped } from './wording';

/** Offsets of a piece of text, end exclusive. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** One line of a weight map, flat because there may be half a million. Offsets include the quotes, ends are exclusive. */
export interface WeightEntry {
  readonly tensor: string;
  /** `null` where the value is not a string. */
  readonly shard: string | null;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Where something is wrong with the text of an index. */
export interface IndexTextProblem extends Extent {
  readonly code: 'json-syntax' | 'json-duplicate-key' | 'json-type' | 'json-depth';
  readonly message: string;
}

/** What an index says and where it says so. */
export interface IndexDocument {
  readonly entries: readonly WeightEntry[];
  /** Where in `entries` a tensor stands; of a duplicate the last place, as for every loader. */
  readonly byTensor: ReadonlyMap<string, number>;
  /** The key `weight_map` with its quotes; `null` where it is missing. */
  readonly weightMapKey: Extent | null;
  /** Just behind the opening brace of the weight map. */
  readonly weightMapStart: number;
  readonly totalSize: (Extent & { readonly bytes: number | null }) | null;
  readonly problems: readonly IndexTextProblem[];
  /** False where a syntax error ended the reading. */
  readonly complete: boolean;
}

const DEEPEST = 64;
/** Of one file, no more text problems than this are kept. */
const MOST_PROBLEMS = 1_000;

// jsonc-parser names its tokens in an enumeration that only its own compilation can see.
const OPEN_BRACE: number = 1;
const CLOSE_BRACE: number = 2;
const OPEN_BRACKET: number = 3;
const CLOSE_BRACKET: number = 4;
const COMMA: number = 5;
const COLON: number = 6;
const NULL: number = 7;
const FALSE: number = 9;
const STRING: number = 10;
const NUMBER: number = 11;
const LINE_BREAK: number = 14;
const TRIVIA: number = 15;
const END: number = 17;

/** Thrown inside this file only, to leave nested reading at the first syntax error. */
class SyntaxProblem extends Error {
  constructor(readonly problem: IndexTextProblem) {
    super(problem.message);
  }
}

/**
 * Reads the text of a `*.safetensors.index.json` in one scan, without a tree: 60 MB and 500,000 tensors take about a
 * second. Lets other work run every 15 ms, and answers `null` soon after `signal` is aborted.
 */
export async function readIndexDocument(text: string, signal: AbortSignal): Promise<IndexDocument | null> {
  const reader = new IndexReader(text);
  try {
    await reader.read(signal);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    reader.problems.push(error.problem);
    reader.complete = false;
  }
  return signal.aborted ? null : reader;
}

class IndexReader implements IndexDocument {
  readonly entries: WeightEntry[] = [];
  readonly byTensor = new Map<string, number>();
  readonly problems: IndexTextProblem[] = [];
  weightMapKey: Extent | null = null;
  weightMapStart = 0;
  totalSize: (Extent & { bytes: number | null }) | null = null;
  complete = true;

  private readonly scanner: JSONScanner;
  /** Every shard name once, so that half a million entries share a hundred strings. */
  private readonly shards = new Map<string, string>();
  private token = 0;

  constructor(private readonly text: string) {
    this.scanner = createScanner(text, false);
  }

  async read(signal: AbortSignal): Promise<void> {
    this.next();
    if (this.token !== OPEN_BRACE) {
      if (this.token === END || !this.startsValue()) this.refuse('an object is expected');
      this.note('json-type', this.extent(), 'The index is not an object.');
      this.skipValue();
      this.toEnd();
      return;
    }
    for (const keys = new Set<string>(); this.nextKey(keys.size === 0);) {
      const { name, extent } = this.key(keys);
      if (name === 'weight_map' && this.token === OPEN_BRACE) await this.weightMap(extent, signal);
      else if (name === 'metadata' && this.token === OPEN_BRACE) this.metadata();
      else {
        if (name === 'weight_map') this.note('json-type', this.extent(), 'weight_map is not an object.');
        this.skipValue();
      }
      if (signal.aborted) return;
    }
    this.toEnd();
  }

  private toEnd(): void {
    this.next();
    if (this.token !== END) this.refuse('the end of the file is expected');
  }

  private async weightMap(key: Extent, signal: AbortSignal): Promise<void> {
    this.weightMapKey = key;
    this.weightMapStart = this.extent().end;
    const pause = pausing(signal);
    for (let count = 0; this.nextKey(count === 0); count++) {
      const tensor = this.scanner.getTokenValue();
      const key = this.extent();
      if (this.byTensor.has(tensor)) this.noteDuplicate(tensor, key);
      this.toValue();
      const isString = this.token === STRING;
      const { start, end } = this.extent();
      const shard = isString ? this.shared(this.scanner.getTokenValue()) : null;
      if (!isString) this.skipValue();
      const valueEnd = isString ? end : this.extent().end;
      this.byTensor.set(tensor, this.entries.length);
      this.entries.push({ tensor, shard, keyStart: key.start, keyEnd: key.end, valueStart: start, valueEnd });
      if ((count & 255) === 255 && (await pause())) return;
    }
  }

  private metadata(): void {
    for (const keys = new Set<string>(); this.nextKey(keys.size === 0);) {
      const { name } = this.key(keys);
      if (name === 'total_size') {
        const bytes = this.token === NUMBER ? Number(this.scanner.getTokenValue()) : null;
        const { start } = this.extent();
        this.skipValue();
        this.totalSize = { start, end: this.extent().end, bytes };
      } else this.skipValue();
    }
  }

  /** Moves from an opening brace or a value to the next key; false at the closing brace. */
  private nextKey(first: boolean): boolean {
    this.next();
    if (this.token === CLOSE_BRACE) return false;
    if (!first) {
      if (this.token !== COMMA) this.refuse('a comma or a closing brace is expected');
      this.next();
    }
    if (this.token !== STRING) this.refuse('a key in double quotes is expected');
    return true;
  }

  /** Reads the key at the cursor and its colon, and moves to the value. */
  private key(seen: Set<string>): { name: string; extent: Extent } {
    const name = this.scanner.getTokenValue();
    const extent = this.extent();
    if (seen.has(name)) this.noteDuplicate(name, extent);
    seen.add(name);
    this.toValue();
    return { name, extent };
  }

  /** Moves from a key over the colon to the value. */
  private toValue(): void {
    this.next();
    if (this.token !== COLON) this.refuse('a colon is expected');
    this.next();
    if (!this.startsValue()) this.refuse('a value is expected');
  }

  /** Passes over the value at the cursor, ending on its last token. */
  private skipValue(): void {
    const closers: number[] = [];
    for (;;) {
      if (this.token === OPEN_BRACE) closers.push(CLOSE_BRACE);
      else if (this.token === OPEN_BRACKET) closers.push(CLOSE_BRACKET);
      else if (this.token === CLOSE_BRACE || this.token === CLOSE_BRACKET) {
        if (closers.pop() !== this.token) this.refuse('brackets do not match');
      } else if (this.token === END) this.refuse('the file ends inside a value');
      if (closers.length > DEEPEST) {
        throw new SyntaxProblem({
          code: 'json-depth',
          message: `Values are nested more than ${DEEPEST} deep here.`,
          ...this.extent(),
        });
      }
      if (closers.length === 0) return;
      this.next();
    }
  }

  private startsValue(): boolean {
    const { token } = this;
    return (
      token === OPEN_BRACE || token === OPEN_BRACKET || (token >= NULL && token <= NUMBER) || token === FALSE
    );
  }

  private next(): void {
    do this.token = this.scanner.scan();
    while (this.token === LINE_BREAK || this.token === TRIVIA);
    if (this.token > NUMBER && this.token < LINE_BREAK) this.refuse('JSON has no comments');
    if ((this.scanner.getTokenError() as number) !== 0) this.refuse('this is not valid JSON');
  }

  private extent(): Extent {
    const start = this.scanner.getTokenOffset();
    return { start, end: start + this.scanner.getTokenLength() };
  }

  private shared(shard: string): string {
    const known = this.shards.get(shard);
    if (known === undefined) this.shards.set(shard, shard);
    return known ?? shard;
  }

  private noteDuplicate(name: string, extent: Extent): void {
    const quoted = JSON.stringify(clipped(name));
    this.note(
      'json-duplicate-key',
      extent,
      `The key ${quoted} stands here a second time; loaders take this one.`,
    );
  }

  private note(code: IndexTextProblem['code'], { start, end }: Extent, message: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ code, message, start, end });
  }

  private refuse(reason: string): never {
    const atEnd = this.token === END;
    const { start, end } = this.extent();
    const last = Math.max(0, this.text.trimEnd().length - 1);
    const place = atEnd ? { start: last, end: last + 1 } : { start, end: Math.max(end, start + 1) };
    const message = `JSON: ${reason}${atEnd ? ', but the file ends' : ''}.`;
    throw new SyntaxProblem({ code: 'json-syntax', message, ...place });
  }
}
