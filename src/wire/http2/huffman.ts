/**
 * The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B). The code is canonical: the lengths of its words say all of it.
 */

/** Bits of each byte's word, from 0 to 255, then of EOS. */
const lengths = Uint8Array.from([
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
]);
const SYMBOLS = 257;
const EOS = 256;

const codes = new Uint32Array(SYMBOLS);
{
  const order = Array.from(lengths, (_, symbol) => symbol).sort((a, b) => lengths[a] - lengths[b] || a - b);
  let code = 0;
  let length = lengths[order[0]];
  for (const symbol of order) {
    code <<= lengths[symbol] - length;
    length = lengths[symbol];
    codes[symbol] = code++;
  }
}

/** @returns the bytes that a string (latin1) takes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i) & 255];
  return (bits + 7) >> 3;
}

/** Writes a string (latin1) at `pos`, where `huffmanLength` bytes are free. @returns the position after it */
export function huffmanEncode(text: string, bytes: Buffer, pos: number): number {
  let word = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 255;
    let length = lengths[symbol];
    const code = codes[symbol];
    // Fewer than 8 bits are left from before: together with 16 they fit.
    if (length > 16) {
      length -= 16;
      word = (word << 16) | (code >>> length);
      bits += 16;
      while (bits >= 8) {
        bits -= 8;
        bytes[pos++] = word >>> bits;
      }
    }
    word = (word << length) | (code & ((1 << length) - 1));
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      bytes[pos++] = word >>> bits;
    }
  }
  // The padding is the beginning of EOS: ones.
  if (bits > 0) bytes[pos++] = (word << (8 - bits)) | (0xff >>> bits);
  return pos;
}

/*
 * Decoding walks the code's tree four bits at a time. A step says which node is next, whether a byte came out, and whether the text may end
 * there: only less than a byte of ones may be left (section 5.2).
 */
const SYMBOL_OUT = 0x100;
const MAY_END = 0x200;
const FAILS = 0x400;
const NODE_SHIFT = 12;
/** For each node and each four bits: the byte in the low eight bits, flags, the next node. */
const steps = buildSteps();

function buildSteps(): Int32Array {
  // Two children a node: below 0 they are symbols.
  const children: number[] = [0, 0];
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    let node = 0;
    for (let bit = lengths[symbol] - 1; bit >= 0; bit--) {
      const at = node * 2 + ((codes[symbol] >>> bit) & 1);
      if (bit === 0) children[at] = -1 - symbol;
      else {
        if (children[at] === 0) {
          children[at] = children.length / 2;
          children.push(0, 0);
        }
        node = children[at];
      }
    }
  }
  const nodes = children.length / 2;
  // Nodes that fewer than eight ones lead to.
  const mayEnd = new Uint8Array(nodes);
  for (let node = 0, ones = 0; ones < 8; ones++, node = children[node * 2 + 1]) mayEnd[node] = 1;
  const table = new Int32Array(nodes * 16);
  for (let start = 0; start < nodes; start++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = start;
      let out = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const child = children[node * 2 + ((nibble >> bit) & 1)];
        if (child >= 0) node = child;
        else {
          const symbol = -1 - child;
          // No word is shorter than five bits: at most one ends in a step.
          out = symbol === EOS ? FAILS : SYMBOL_OUT | symbol;
          node = 0;
        }
        if (out === FAILS) break;
      }
      table[start * 16 + nibble] = out | (mayEnd[node] === 1 ? MAY_END : 0) | (node << NODE_SHIFT);
    }
  }
  return table;
}

/**
 * Decodes `bytes` from `start` to `end` into `out`, which has room for 8 bytes for every 5 of them.
 * @returns how many bytes came out, or -1 where the code is wrong
 */
export function huffmanDecode(bytes: Buffer, start: number, end: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  let step = MAY_END;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    step = steps[(node << 4) | (byte >> 4)];
    if ((step & (SYMBOL_OUT | FAILS)) !== 0) {
      if ((step & FAILS) !== 0) return -1;
      out[length++] = step;
    }
    step = steps[((step >> NODE_SHIFT) << 4) | (byte & 15)];
    if ((step & (SYMBOL_OUT | FAILS)) !== 0) {
      if ((step & FAILS) !== 0) return -1;
      out[length++] = step;
    }
    node = step >> NODE_SHIFT;
  }
  return (step & MAY_END) !== 0 ? length : -1;
}
