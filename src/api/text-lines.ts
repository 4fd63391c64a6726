/**
 * Lines and columns of a text, both counted from 1. Line starts are found once, when first asked for.
 */

export class TextLines {
  readonly #text: string;
  #starts: number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  position(offset: number): { line: number; column: number } {
    const starts = this.#lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low] + 1 };
  }

  /** The text of a line, without its end. */
  line(number: number): string | undefined {
    const starts = this.#lineStarts();
    if (number < 1 || number > starts.length) return undefined;
    return this.#text.slice(starts[number - 1], this.endOf(number)).replace(/\r$/, '');
  }

  /** The offset where the line's text ends. */
  endOf(number: number): number {
    const starts = this.#lineStarts();
    return number < starts.length ? starts[number] - 1 : this.#text.length;
  }

  #lineStarts(): number[] {
    if (this.#starts === undefined) {
      this.#starts = [0];
      for (let at = this.#text.indexOf('\n'); at !== -1; at = this.#text.indexOf('\n', at + 1))
        this.#starts.push(at + 1);
    }
    return this.#starts;
  }
}
