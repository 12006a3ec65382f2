// Keeps apart what programs print that run side by side.

/**
 * Places of an output, in order. Text of the first place that is not closed is shown as it comes; text of those behind it is
 * held back until it is their turn.
 */
export class OrderedOutput {
  /** @type {Place[]} */
  #places = [];

  /** @param {(text: string) => void} show */
  constructor(show) {
    this.show = show;
  }

  /** Makes a place at the end, or before another one. @param {Place} [before] */
  open(before) {
    const place = new Place(() => this.#flush());
    const at = before ? this.#places.indexOf(before) : this.#places.length;
    this.#places.splice(at, 0, place);
    return place;
  }

  #flush() {
    for (let [first] = this.#places; first; [first] = this.#places) {
      if (first.held !== '') this.show(first.held);
      first.held = '';
      if (!first.closed) return;
      this.#places.shift();
    }
  }
}

class Place {
  held = '';
  closed = false;
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {string} text */
  write(text) {
    this.held += text;
    this.#changed();
  }

  /** @param {string} [text] last words */
  close(text = '') {
    this.closed = true;
    this.write(text);
  }
}
