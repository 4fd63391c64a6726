/**
 * Which bytes may stand where in an HTTP/1 head (RFC 9110 section 5, RFC 9112 sections 2 to 5), as 256-entry tables.
 */

/** The lower-case form of a token character, or 0 where the byte may not stand in a token. */
export const TOKEN = new Uint8Array(256);
/** 1 where the byte may stand in a field value: visible, space, tab, and obs-text. */
export const VALUE = new Uint8Array(256);
/** 1 where the byte may stand in a request target: visible ASCII. */
export const TARGET = new Uint8Array(256);
/** The value of a hexadecimal digit, or 255. */
export const HEX = new Uint8Array(256).fill(255);

for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") TOKEN[c.charCodeAt(0)] = c.charCodeAt(0);
for (let c = 65; c <= 90; c++) TOKEN[c] = c + 32;
VALUE[9] = 1;
for (let c = 32; c < 256; c++) if (c !== 127) VALUE[c] = 1;
for (let c = 33; c < 127; c++) TARGET[c] = 1;
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;
export const SEMICOLON = 59;
