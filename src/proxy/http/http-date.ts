/**
 * The date header's value, made once a second (RFC 9110, section 5.6.7).
 */
import { clock } from '#proxy/transport/io-event.ts';

let second = -1;
let text = '';

export function httpDate(): string {
  const now = Math.floor(clock.wall() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
