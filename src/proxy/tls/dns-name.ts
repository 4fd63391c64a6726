/**
 * Whether a host name is the one that a certificate is for, wildcards included (RFC 6125, section 6.4.3).
 */

/** @param name the name that is wanted; @param pattern the certificate's: `*` may stand for all or a part of the first label. */
export function dnsNameMatches(name: string, pattern: string): boolean {
  const [wanted, offered] = [name.toLowerCase(), pattern.toLowerCase()];
  if (wanted === offered) return true;
  const [label, rest] = split(wanted);
  const [glob, offeredRest] = split(offered);
  if (rest === undefined || offeredRest !== rest || offeredRest.includes('*')) return false;
  if (glob === '*') return true;
  const parts = glob.split('*');
  if (parts.length !== 2 || glob.length > label.length + 1) return false;
  return label.startsWith(parts[0]) && label.endsWith(parts[1]);
}

/** The first label, and what follows its dot. */
function split(name: string): [label: string, rest: string | undefined] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
}
