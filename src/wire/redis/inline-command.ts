/**
 * Commands as people type them: words on a line, in quotes where they hold blanks.
 * Follows https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands
 */

const ESCAPES: { readonly [letter: string]: string } = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** @returns undefined where quotes do not match */
export function inlineWords(line: Buffer): Buffer[] | undefined {
  const text = line.toString('latin1');
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (isBlank(text[at])) at++;
    if (at >= text.length) return words;
    const quote = text[at];
    const word = quote === '"' || quote === "'" ? quoted(text, at + 1, quote) : plain(text, at);
    if (word === undefined) return undefined;
    words.push(Buffer.from(word.text, 'latin1'));
    at = word.end;
  }
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\v' || character === '\f';
}

interface Word {
  text: string;
  end: number;
}

function plain(text: string, from: number): Word {
  let end = from;
  while (end < text.length && !isBlank(text[end])) end++;
  return { text: text.slice(from, end), end };
}

/** A word ends where its quotes do. */
function quoted(text: string, from: number, quote: string): Word | undefined {
  let word = '';
  for (let at = from; at < text.length; at++) {
    if (text[at] === quote) {
      const end = at + 1;
      return end < text.length && !isBlank(text[end]) ? undefined : { text: word, end };
    }
    if (text[at] !== '\\' || at + 1 >= text.length) {
      word += text[at];
    } else if (quote === '"') {
      const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(at + 1, at + 4));
      word += hex === null ? (ESCAPES[text[at + 1]] ?? text[at + 1]) : String.fromCharCode(Number.parseInt(hex[1], 16));
      at += hex === null ? 1 : 3;
    } else if (text[at + 1] === "'") {
      word += "'";
      at++;
    } else word += '\\';
  }
  return undefined;
}
