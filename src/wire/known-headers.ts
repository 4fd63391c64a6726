/**
 * The header names that the proxy itself looks at, each with a small number, so that a head is searched once, while it is parsed.
 * A table keyed by a hash of the lower-case name (made during the scan) gives the number; no string is made.
 */

const names = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'expect',
  'keep-alive',
  'proxy-connection',
  'trailer',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-client-cert',
  'x-request-id',
  'x-client-trace-id',
  'user-agent',
  'server',
  'date',
  'content-type',
  'via',
  'cookie',
  'location',
  'grpc-status',
  'grpc-message',
  'grpc-timeout',
  'x-envoy-upstream-service-time',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-stream-duration-ms',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-force-trace',
  'x-envoy-decorator-operation',
  'x-envoy-attempt-count',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-ip-tags',
  'x-envoy-is-timeout-retry',
  'x-envoy-overloaded',
  'x-envoy-ratelimited',
  'x-envoy-immediate-health-check-fail',
  'x-envoy-upstream-canary',
  'x-envoy-upstream-healthchecked-cluster',
  'x-envoy-degraded',
  'x-envoy-original-url',
  'x-envoy-upstream-rq-timeout-alt-response',
  'accept',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'access-control-request-private-network',
  'authorization',
  'cache-control',
  'content-encoding',
  'grpc-accept-encoding',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'origin',
  'pragma',
  'proxy-status',
  'referer',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
  'age',
  'etag',
  'expires',
  'last-modified',
  'vary',
] as const;

export type KnownName = (typeof names)[number];

/** Every known name, at its number; number 0 stands for "not known". */
export const KNOWN: readonly string[] = ['', ...names];

/** The number of each known name: `Known['content-length']`. */
export const Known = Object.fromEntries(names.map((name, i) => [name, i + 1])) as Record<KnownName, number>;

/** The hash that the header scan makes of a lower-case name, a byte at a time, from 0. */
export function nameHash(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return hash;
}

const MASK = 1023;
const slots = new Uint8Array(MASK + 1);
/** Where each name of a slot continues if the first is another: names that share a slot, chained. */
const next = new Uint8Array(KNOWN.length);
const hashes = new Int32Array(KNOWN.length);
for (let id = 1; id < KNOWN.length; id++) {
  hashes[id] = nameHash(KNOWN[id]);
  const slot = (hashes[id] ^ (hashes[id] >>> 15)) & MASK;
  next[id] = slots[slot];
  slots[slot] = id;
}

/** @returns the number of the name with this hash and length, or 0. Two known names never share a hash (a test holds that); the caller compares the bytes. */
export function knownByHash(hash: number, length: number): number {
  for (let id = slots[(hash ^ (hash >>> 15)) & MASK]; id !== 0; id = next[id]) {
    if (hashes[id] === hash && KNOWN[id].length === length) return id;
  }
  return 0;
}

const ids = new Map<string, number>(KNOWN.map((name, id) => [name, id]));

/** @returns the number of a lower-case name, or 0. */
export function knownId(name: string): number {
  return ids.get(name) ?? 0;
}
