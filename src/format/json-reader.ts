import { JsonCursor, OPEN_BRACE, OPEN_BRACKET } from './json-cursor';
import { quoted } from './problems';

/** Deeper than any header or index goes, and far from what a call stack holds. */
const MAXIMUM_DEPTH = 64;

/** More than the longest header has room for, and below what a set of JavaScript can hold (2^24). */
const MOST_KEYS = 2_000_000;

const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/**
 * A strict JSON reader (RFC 8259) over bytes, for files that nobody vouches for. The caller says what it
 * expects next and builds its own values, so that a header of 100 MB never becomes a tree, and no key ever
 * touches a prototype. Stricter than `JSON.parse`: a duplicate key, a lone surrogate and nesting deeper than
 * 64 are faults too.
 */
export class JsonReader extends JsonCursor {
  private depth = 0;

  /**
   * Reads an object. `entry` is called for every key (with the key's offset in the file) and must read or
   * skip its value. A caller that fills a map with every key gives it as `kept`, which saves a second record
   * of the keys.
   */
  object(entry: (key: string, offset: number) => void, kept?: ReadonlyMap<string, unknown>): void {
    if (!this.enter('object', OPEN_BRACE)) return;
    const keys = new KeySet();
    let count = 0;
    let more = !this.closes(CLOSE_BRACE);
    while (more) {
      const offset = this.offset;
      const key = this.string();
      if (this.hasFault()) return;
      if (kept ? kept.has(key) : !keys.add(key)) {
        this.fail('json-duplicate-key', offset, `the key ${quoted(key)} appears a second time`);
      } else if (++count > MOST_KEYS) {
        this.fail('json-too-many-keys', offset, `an object with more than ${String(MOST_KEYS)} keys`);
      }
      this.colon();
      if (this.hasFault()) return;
      entry(key, offset);
      more = this.another(CLOSE_BRACE);
    }
    this.depth--;
  }

  /** Reads an array. `element` is called for every element and must read or skip it. */
  array(element: () => void): void {
    if (!this.enter('array', OPEN_BRACKET)) return;
    let more = !this.closes(CLOSE_BRACKET);
    while (more) {
      element();
      more = this.another(CLOSE_BRACKET);
    }
    this.depth--;
  }

  /** Reads and checks a value of any kind without keeping it. */
  skip(): void {
    const kind = this.peek();
    switch (kind) {
      case 'object':
        this.object(() => {
          this.skip();
        });
        return;
      case 'array':
        this.array(() => {
          this.skip();
        });
        return;
      case 'string':
        this.string();
        return;
      case 'number':
        this.number();
        return;
      case 'true':
      case 'false':
      case 'null':
        this.literal(kind);
        return;
      case 'none':
        this.expect('value');
    }
  }

  /** Checks that nothing but white space follows. */
  end(): void {
    this.skipSpace();
    if (this.position < this.bytes.length) {
      this.refused(this.position, `${this.here()} after the end of the JSON`);
    }
  }

  private enter(kind: 'object' | 'array', bracket: number): boolean {
    if (!this.expect(kind) || this.bytes[this.position] !== bracket) return false;
    if (++this.depth > MAXIMUM_DEPTH) {
      this.fail('json-depth', this.origin + this.position, `nested deeper than ${String(MAXIMUM_DEPTH)}`);
      return false;
    }
    this.position++;
    return true;
  }

  /** Whether a comma leads to one more entry; false at the closing bracket, and on a fault. */
  private another(bracket: number): boolean {
    if (this.hasFault() || this.closes(bracket)) return false;
    if (this.closes(COMMA)) return true;
    this.refused(
      this.position,
      `expected a comma or "${String.fromCharCode(bracket)}", found ${this.here()}`,
    );
    return false;
  }

  private colon(): void {
    if (!this.closes(COLON)) this.refused(this.position, `expected a colon, found ${this.here()}`);
  }
}

/**
 * The keys of one object: an array while there are few, as in every tensor's entry, and a set from then on.
 */
class KeySet {
  private readonly few: string[] = [];
  private many: Set<string> | null = null;

  /** False where the key was there already. */
  add(key: string): boolean {
    if (this.many === null) {
      if (this.few.includes(key)) return false;
      this.few.push(key);
      if (this.few.length > 8) this.many = new Set(this.few);
      return true;
    }
    const size = this.many.size;
    return this.many.add(key).size > size;
  }
}
