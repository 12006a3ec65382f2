import { visible } from '../protocol/visible-text';
import type { WriteStream } from 'node:tty';

const WIDTH = 30;
const ERASE_LINE = '\r\u001b[K';

/** A one-line progress bar; draws only where the stream is a terminal. */
export class ProgressBar {
  private drawn = false;

  constructor(private readonly stream: WriteStream) {}

  /** Draws the bar at `fraction` (0..1). */
  show(fraction: number, message: string): void {
    if (!this.stream.isTTY) return;
    const full = Math.round(fraction * WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full);
    const line = `${bar} ${String(Math.round(fraction * 100)).padStart(3)} %  ${visible(message)}`;
    this.stream.write(ERASE_LINE + line.slice(0, this.stream.columns - 1));
    this.drawn = true;
  }

  /** Writes a line that stays, above the bar. */
  above(message: string): void {
    this.clear();
    this.stream.write(`${visible(message)}\n`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.drawn) this.stream.write(ERASE_LINE);
    this.drawn = false;
  }
}
