/**
 * WebSocket (RFC 6455, RFC 8441) with the library `ws` at both ends of the proxy, over every pair of HTTP versions, in plain text and over TLS.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import type { Suite } from './suite.ts';
import { webSocketCases } from './websocket-cases.ts';
import { Way, type WayKind } from './websocket-way.ts';

/** Milliseconds that a case may take. */
const LONGEST = 20_000;

const WAYS: readonly WayKind[] = [
  { client: 1, server: 1, tls: false },
  { client: 2, server: 1, tls: false },
  { client: 1, server: 2, tls: false },
  { client: 2, server: 2, tls: false },
  { client: 1, server: 1, tls: true },
  { client: 2, server: 2, tls: true },
];
const version = { 1: 'HTTP/1.1', 2: 'HTTP/2' };

export const webSocket: Suite = {
  name: 'websocket',
  async run(t) {
    const failures: string[] = [];
    let passed = 0;
    for (const kind of WAYS) {
      const way = await Way.start(t, kind);
      for (const { claim, run } of webSocketCases) {
        try {
          await within(run(way));
          passed++;
        } catch (error) {
          const words = `${version[kind.client]} to ${version[kind.server]}${kind.tls ? ' over TLS' : ''}`;
          failures.push(`${claim} (${words}): ${(error as Error).message}`);
        }
      }
      await way.proxy.kill();
    }
    return { passed, failures };
  },
};

async function within(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${LONGEST / 1000} s`)), LONGEST);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
