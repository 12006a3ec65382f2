import type { Ending, Layout } from './family';

/** The same part under several endings of one layout. */
export function endings(layout: Layout, texts: Readonly<Record<string, string>>): readonly Ending[] {
  return Object.entries(texts).map(([text, part]) => ({ text, part, layout }));
}

/** Finds the longest known ending of a tensor's name; `null` where it has none. */
export class EndingTable {
  private readonly byText = new Map<string, Ending>();

  constructor(all: readonly Ending[]) {
    for (const ending of all) if (!this.byText.has(ending.text)) this.byText.set(ending.text, ending);
  }

  /**
   * Splits `model.q_proj.lora_A.weight` into module and ending. PEFT may put the adapter's name between the two pieces of an
   * ending (`lora_A.default.weight`) or after a single one (`ia3_l.default`).
   */
  find(name: string): { readonly module: string; readonly ending: Ending } | null {
    const pieces = name.split('.');
    for (let length = Math.min(4, pieces.length); length > 0; length--) {
      const tail = pieces.slice(-length);
      const ending = this.byText.get(tail.join('.')) ?? this.withAdapterName(tail);
      if (ending) return { module: pieces.slice(0, -length).join('.'), ending };
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
