/**
 * Cipher lists as BoringSSL reads them, turned into OpenSSL's names one by one, which are what Node takes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto (`cipher_suites`) and
 * https://commondatastorage.googleapis.com/chromium-boringssl-docs/ssl.h.html#Cipher-suite-configuration.
 */

interface Cipher {
  /** OpenSSL's name, which BoringSSL has too. */
  readonly name: string;
  /** IANA's name. */
  readonly standardName: string;
  /** The names of groups that it belongs to. */
  readonly groups: readonly string[];
  readonly bits: number;
  /** Only by its own name, never by a group's. */
  readonly byNameOnly?: boolean;
  /** Needs what Node's OpenSSL or Envoy's configuration has not: accepted and never offered, as no peer could use it. */
  readonly unusable?: boolean;
}

const ECDHE = ['kECDHE', 'kEECDH', 'ECDH', 'ECDHE', 'EECDH'];
const BY_ECDSA = ['aECDSA', 'ECDSA', ...ECDHE];
const BY_RSA = ['aRSA', ...ECDHE];
const RSA_ONLY = ['kRSA', 'aRSA', 'RSA'];
const GCM_128 = ['AES128', 'AES', 'AESGCM', 'TLSv1.2'];
const GCM_256 = ['AES256', 'AES', 'AESGCM', 'TLSv1.2'];
const CHACHA = ['CHACHA20', 'TLSv1.2'];
const CBC_128 = ['AES128', 'AES', 'SHA1', 'SHA', 'SSLv3', 'TLSv1'];
const CBC_256 = ['AES256', 'AES', 'SHA1', 'SHA', 'SSLv3', 'TLSv1'];
const PSK = ['aPSK', 'PSK'];

/** In the order in which BoringSSL prefers them, on a machine with AES in hardware. */
const CIPHERS: readonly Cipher[] = [
  cipher('ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 128, BY_ECDSA, GCM_128),
  cipher('ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE_RSA_WITH_AES_128_GCM_SHA256', 128, BY_RSA, GCM_128),
  cipher('ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 256, BY_ECDSA, GCM_256),
  cipher('ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE_RSA_WITH_AES_256_GCM_SHA384', 256, BY_RSA, GCM_256),
  cipher('ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 256, BY_ECDSA, CHACHA),
  cipher('ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 256, BY_RSA, CHACHA),
  psk('ECDHE-PSK-CHACHA20-POLY1305', 'ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256', 256, ECDHE, CHACHA),
  cipher('ECDHE-ECDSA-AES128-SHA', 'ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 128, BY_ECDSA, CBC_128),
  cipher('ECDHE-RSA-AES128-SHA', 'ECDHE_RSA_WITH_AES_128_CBC_SHA', 128, BY_RSA, CBC_128),
  psk('ECDHE-PSK-AES128-CBC-SHA', 'ECDHE_PSK_WITH_AES_128_CBC_SHA', 128, ECDHE, CBC_128),
  cipher('ECDHE-ECDSA-AES256-SHA', 'ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 256, BY_ECDSA, CBC_256),
  cipher('ECDHE-RSA-AES256-SHA', 'ECDHE_RSA_WITH_AES_256_CBC_SHA', 256, BY_RSA, CBC_256),
  psk('ECDHE-PSK-AES256-CBC-SHA', 'ECDHE_PSK_WITH_AES_256_CBC_SHA', 256, ECDHE, CBC_256),
  {
    ...cipher('ECDHE-RSA-AES128-SHA256', 'ECDHE_RSA_WITH_AES_128_CBC_SHA256', 128, BY_RSA, CBC_128),
    byNameOnly: true,
  },
  cipher('AES128-GCM-SHA256', 'RSA_WITH_AES_128_GCM_SHA256', 128, RSA_ONLY, GCM_128),
  cipher('AES256-GCM-SHA384', 'RSA_WITH_AES_256_GCM_SHA384', 256, RSA_ONLY, GCM_256),
  cipher('AES128-SHA', 'RSA_WITH_AES_128_CBC_SHA', 128, RSA_ONLY, CBC_128),
  psk('PSK-AES128-CBC-SHA', 'PSK_WITH_AES_128_CBC_SHA', 128, ['kPSK'], CBC_128),
  cipher('AES256-SHA', 'RSA_WITH_AES_256_CBC_SHA', 256, RSA_ONLY, CBC_256),
  psk('PSK-AES256-CBC-SHA', 'PSK_WITH_AES_256_CBC_SHA', 256, ['kPSK'], CBC_256),
  {
    ...cipher('DES-CBC3-SHA', 'RSA_WITH_3DES_EDE_CBC_SHA', 112, RSA_ONLY, ['3DES', 'SHA1', 'SHA', 'SSLv3', 'TLSv1']),
    byNameOnly: true,
    unusable: true,
  },
];

const EVERYTHING = ['ALL', 'HIGH', 'FIPS'];
const GROUPS = new Set([...EVERYTHING, ...CIPHERS.flatMap(({ groups }) => groups)]);

/** Envoy's cipher suites where none are configured, for listeners and clusters. */
export const DEFAULT_CIPHER_SUITES: readonly string[] = [
  '[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]',
  '[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

function cipher(name: string, standard: string, bits: number, ...groups: readonly string[][]): Cipher {
  return { name, standardName: `TLS_${standard}`, bits, groups: groups.flat() };
}

function psk(name: string, standard: string, bits: number, ...groups: readonly string[][]): Cipher {
  return { ...cipher(name, standard, bits, PSK, ...groups), unusable: true };
}

export interface CipherChoice {
  /** OpenSSL's names, the first preferred; `[a|b]`: one as well as the other. */
  names: string[];
  /** What the rules name that is neither a cipher nor a group. */
  unknown: string[];
}

/** @param rules as Envoy takes them: names, groups, `[a|b]`, and `-x`, `+x`, `!x`, `@STRENGTH`; each may hold several between colons. */
export function chooseCiphers(rules: readonly string[]): CipherChoice {
  const list = new CipherList();
  const unknown: string[] = [];
  for (const rule of rules.flatMap((text) => text.split(/[:;, ]/)).filter((text) => text !== '')) {
    const parts = rule.startsWith('[') && rule.endsWith(']') ? rule.slice(1, -1).split('|') : [rule];
    const before = list.active.length;
    for (const part of parts) if (!list.apply(part)) unknown.push(part);
    if (parts.length > 1) list.equals.push(new Set(list.active.slice(before)));
  }
  return { names: list.names(), unknown };
}

class CipherList {
  active: Cipher[] = [];
  /** Ciphers of equal rank. */
  readonly equals: Set<Cipher>[] = [];
  #inactive: Cipher[] = [...CIPHERS];

  /** @returns whether the rule names anything. */
  apply(rule: string): boolean {
    if (rule === '@STRENGTH') {
      this.active.sort((a, b) => b.bits - a.bits);
      return true;
    }
    const action = /^[-+!]/.exec(rule)?.[0] ?? '';
    const matches = matcherOf(rule.slice(action.length));
    if (matches === undefined) return false;
    const [chosen, others] = [this.active.filter(matches), this.active.filter((one) => !matches(one))];
    if (action === '+') this.active = [...others, ...chosen];
    else if (action === '') {
      this.active.push(...this.#inactive.filter(matches));
      this.#inactive = this.#inactive.filter((one) => !matches(one));
    } else {
      this.active = others;
      this.#inactive = action === '-' ? [...chosen, ...this.#inactive] : this.#inactive.filter((one) => !matches(one));
    }
    return true;
  }

  /** Names of those that can be used, neighbours of equal rank in one item. */
  names(): string[] {
    const items: Cipher[][] = [];
    for (const one of this.active.filter(({ unusable }) => !unusable)) {
      const last = items.at(-1);
      if (last !== undefined && this.equals.some((group) => group.has(one) && group.has(last[0]))) last.push(one);
      else items.push([one]);
    }
    return items.map((item) => (item.length === 1 ? item[0].name : `[${item.map(({ name }) => name).join('|')}]`));
  }
}

/** `ECDHE+AESGCM` is what both groups have. */
function matcherOf(name: string): ((cipher: Cipher) => boolean) | undefined {
  const exact = CIPHERS.find((one) => one.name === name || one.standardName === name);
  if (exact !== undefined) return (one) => one === exact;
  const groups = name.split('+');
  if (!groups.every((group) => GROUPS.has(group))) return undefined;
  return (one) => !one.byNameOnly && groups.every((group) => EVERYTHING.includes(group) || one.groups.includes(group));
}
