import type { ResultCard } from '../result/card';
import { element } from '../dom';
import { Comparison, type ComparisonOptions } from './comparison';

/** Where the banner of a comparison stands, and which comparison it is. */
export class ComparisonPlace {
  shown: Comparison | null = null;
  private readonly banner = element('div');

  /** The banner comes before `body`. */
  constructor(private readonly body: HTMLElement) {}

  /** Compares two cards, or none; what is shown already stays. Cards that are no longer compared are drawn anew. */
  show(
    a: ResultCard | undefined,
    b: ResultCard | undefined,
    options: (a: ResultCard, b: ResultCard) => ComparisonOptions,
  ): void {
    const before = this.shown;
    if (before && a === before.a && b === before.b) return;
    before?.dispose();
    this.shown = null;
    this.banner.remove();
    if (a && b) {
      this.shown = new Comparison(options(a, b));
      this.banner.replaceChildren(this.shown.banner);
      this.body.before(this.banner);
      this.shown.update();
    } else for (const card of before ? [before.a, before.b] : []) card.draw();
  }
}
