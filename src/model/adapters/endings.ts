import type { Ending, Layout } from './family';

/** The most pieces that an ending has, between dots. */
const MOST_PIECES = 4;
const REMEMBERED = 20_000;

function lastPieces(name: string): string {
  let start = name.length;
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    start = start > 0 ? name.lastIndexOf('.', start - 1) : -1;
    if (start < 0) return name;
  }
  return name.slice(start + 1);
}

function withoutPieces(name: string, count: number): string {
  let end = name.length;
  for (let piece = 0; piece < count; piece++) {
    end = end > 0 ? name.lastIndexOf('.', end - 1) : -1;
    if (end < 0) return '';
  }
  return name.slice(0, end);
}

/** The same part under several endings of one layout. */
export function endings(layout: Layout, texts: Readonly<Record<string, string>>): readonly Ending[] {
  return Object.entries(texts).map(([text, part]) => ({ text, part, layout }));
}

/** Finds the longest known ending of a tensor's name; `null` where it has none. */
export class EndingTable {
  private readonly byText = new Map<string, Ending>();
  /** What was found for the last pieces of a name: of 200,000 names few end differently. */
  private readonly found = new Map<string, { readonly ending: Ending; readonly length: number } | null>();

  constructor(all: readonly Ending[]) {
    for (const ending of all) if (!this.byText.has(ending.text)) this.byText.set(ending.text, ending);
  }

  /**
   * Splits `model.q_proj.lora_A.weight` into module and ending. PEFT may put the adapter's name between the two pieces of an
   * ending (`lora_A.default.weight`) or after a single one (`ia3_l.default`).
   */
  find(name: string): { readonly module: string; readonly ending: Ending } | null {
    const tail = lastPieces(name);
    let known = this.found.get(tail);
    if (known === undefined) {
      known = this.longest(tail.split('.'));
      if (this.found.size >= REMEMBERED) this.found.clear();
      this.found.set(tail, known);
    }
    if (!known) return null;
    return { module: withoutPieces(name, known.length), ending: known.ending };
  }

  private longest(pieces: readonly string[]): { readonly ending: Ending; readonly length: number } | null {
    for (let length = pieces.length; length > 0; length--) {
      const tail = pieces.slice(-length);
      const ending = this.byText.get(tail.join('.')) ?? this.withAdapterName(tail);
      if (ending) return { ending, length };
    }
    return null;
  }

  private withAdapterName(tail: readonly string[]): Ending | undefined {
    const [first = '', second = '', third] = tail;
    const text = third === undefined ? first : `${first}.${third}`;
    if (tail.length < 2 || tail.length > 3 || text === 'weight' || second === 'weight' || second === 'bias')
      return undefined;
    const ending = this.byText.get(text);
    return ending?.layout === 'PEFT' || ending?.layout === 'LyCORIS' ? ending : undefined;
  }
}
