/** Measures texts in one font, and shortens them. */
export class LabelMeasure {
  private readonly context = document.createElement('canvas').getContext('2d');

  constructor(font: string) {
    if (this.context) this.context.font = font;
  }

  /**
   * Pixels of the widest of some texts. Measuring thousands is slow: the longest few by characters are enough, since no letter is several
   * times as wide as another in names.
   */
  widest(texts: readonly string[]): number {
    const longest = [...texts].sort((a, b) => b.length - a.length).slice(0, 12);
    return Math.max(0, ...longest.map((text) => this.width(text))) + 2;
  }

  /** The text, shortened in its middle where it is wider than the room. */
  fit(text: string, room: number): string {
    const width = this.width(text);
    if (width <= room) return text;
    for (let kept = Math.floor((text.length * room) / width); kept > 1; kept--) {
      const end = Math.ceil(kept / 2);
      const cut = `${text.slice(0, kept - end)}…${text.slice(text.length - end)}`;
      if (this.width(cut) <= room) return cut;
    }
    return '…';
  }

  private width(text: string): number {
    return this.context?.measureText(text).width ?? 0;
  }
}
