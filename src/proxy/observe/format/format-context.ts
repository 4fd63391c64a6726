/**
 * What formats need of the world besides the stream: a clock, randomness, the machine's name, the environment.
 */
import { hostname } from 'node:os';
import { type Random, systemRandom } from '#base/random.ts';
import { clock } from '#proxy/transport/io-event.ts';

export interface FormatContext {
  clock: { now(): number; wall(): number };
  random: Pick<Random, 'uuid'>;
  hostname: string;
  environment: { readonly [name: string]: string | undefined };
}

export const systemFormatContext: FormatContext = {
  clock,
  random: systemRandom,
  get hostname() {
    return hostname();
  },
  get environment() {
    return process.env;
  },
};
