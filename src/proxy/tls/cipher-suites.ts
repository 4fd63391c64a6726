/**
 * Cipher suites of TLS 1.2 and before: their order for a client. A server prefers its own order; within a group that
 * is written `[A|B]` it is the client's. TLS 1.3 has suites of its own, which are not configured, and the client's order holds.
 * Follows extensions.transport_sockets.tls.v3.TlsParameters.cipher_suites.
 */

const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** IANA numbers of the suites that BoringSSL has, by OpenSSL's names. */
const NUMBERS: Record<string, number> = {
  'AES128-GCM-SHA256': 0x009c,
  'AES128-SHA': 0x002f,
  'AES256-GCM-SHA384': 0x009d,
  'AES256-SHA': 0x0035,
  'DES-CBC3-SHA': 0x000a,
  'ECDHE-ECDSA-AES128-GCM-SHA256': 0xc02b,
  'ECDHE-ECDSA-AES128-SHA': 0xc009,
  'ECDHE-ECDSA-AES256-GCM-SHA384': 0xc02c,
  'ECDHE-ECDSA-AES256-SHA': 0xc00a,
  'ECDHE-ECDSA-CHACHA20-POLY1305': 0xcca9,
  'ECDHE-RSA-AES128-GCM-SHA256': 0xc02f,
  'ECDHE-RSA-AES128-SHA': 0xc013,
  'ECDHE-RSA-AES128-SHA256': 0xc027,
  'ECDHE-RSA-AES256-GCM-SHA384': 0xc030,
  'ECDHE-RSA-AES256-SHA': 0xc014,
  'ECDHE-RSA-CHACHA20-POLY1305': 0xcca8,
};

/** Suites in groups of equal rank. */
export type CipherGroups = readonly (readonly string[])[];

/** @param configured names or groups, in order. */
export function cipherGroups(configured: readonly string[]): CipherGroups {
  return configured.map((entry) => (entry.startsWith('[') ? entry.slice(1, -1).split('|') : [entry]));
}

/**
 * The suites in the order that counts for one client, in OpenSSL's form.
 * @param offered the client's suites in its own order; empty: no client is known yet.
 */
export function cipherString(groups: CipherGroups, offered: readonly number[]): string {
  const rank = (name: string) => {
    const at = offered.indexOf(NUMBERS[name]);
    return at < 0 ? offered.length : at;
  };
  const ordered = groups.flatMap((group) => [...group].sort((one, other) => rank(one) - rank(other)));
  return [...TLS13, ...ordered].join(':');
}

/** Whether one of the suites that sign with ECDSA is among those offered. */
export function offersEcdsa(groups: CipherGroups, offered: readonly number[]): boolean {
  return groups.some((group) => group.some((name) => name.includes('-ECDSA-') && offered.includes(NUMBERS[name])));
}
