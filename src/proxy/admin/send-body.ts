/**
 * Sends the body of an answer. One that comes in parts is made in slices of a millisecond, as fast as the caller reads: with one worker this
 * thread is also that of the requests, and the stats of 10,000 clusters take seconds.
 */
import type { ServerResponse } from 'node:http';
import type { AdminBody } from '#proxy/admin/handler.ts';

const SLICE_MS = 1;
/** So many parts are made before the clock is looked at. */
const PARTS = 32;
/** So many characters leave at once. */
const ENOUGH = 64 * 1024;

/** Ends the response, unless the caller goes away before. @returns how many bytes the body had as far as it was sent */
export async function sendBody(response: ServerResponse, body: AdminBody): Promise<number> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    response.end(body);
    return Buffer.byteLength(body);
  }
  let [text, bytes, parts] = ['', 0, 0];
  let began = performance.now();
  for (const part of body) {
    text += part;
    if (++parts % PARTS !== 0) continue;
    if (text.length >= ENOUGH) {
      bytes += Buffer.byteLength(text);
      const goesOn = response.write(text);
      text = '';
      if (!goesOn) {
        await drained(response);
        began = performance.now();
      }
    }
    if (performance.now() - began > SLICE_MS) {
      await nextTurn();
      began = performance.now();
    }
    if (response.destroyed) return bytes;
  }
  response.end(text);
  return bytes + Buffer.byteLength(text);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The caller has read what was sent, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      response.off('drain', over);
      response.off('close', over);
      resolve();
    };
    response.on('drain', over);
    response.on('close', over);
  });
}
