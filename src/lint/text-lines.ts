import type { TextRange } from '../protocol/finding';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Line starts of a text, to turn offsets into the positions of the language server protocol. */
export class TextLines {
  private readonly starts: number[] = [0];

  /** Lines end with LF, CR LF or CR, as the protocol has it. One pass over `text`. */
  constructor(private readonly text: string) {
    if (text.includes('\r')) this.findAllEnds();
    else this.findLineFeeds();
  }

  /** The usual case, by a search that runs at memory speed: an index may have 60 MB. */
  private findLineFeeds(): void {
    for (let end = this.text.indexOf('\n'); end >= 0; end = this.text.indexOf('\n', end + 1)) {
      this.starts.push(end + 1);
    }
  }

  private findAllEnds(): void {
    const { text } = this;
    for (let offset = 0; offset < text.length; offset++) {
      const unit = text.charCodeAt(offset);
      if (unit !== LINE_FEED && unit !== CARRIAGE_RETURN) continue;
      if (unit === CARRIAGE_RETURN && text.charCodeAt(offset + 1) === LINE_FEED) offset++;
      this.starts.push(offset + 1);
    }
  }

  /** Position of an offset in UTF-16 code units; offsets beyond the text count as its end. */
  positionAt(offset: number): TextRange['start'] {
    const clamped = Math.max(0, Math.min(offset, this.text.length));
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= clamped) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: clamped - (this.starts[low] ?? 0) };
  }

  /** Range between two offsets, end exclusive. */
  range(start: number, end: number): TextRange {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }
}
