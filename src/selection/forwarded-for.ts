/**
 * Addresses in x-forwarded-for, counted from the last one, which the nearest proxy wrote. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for
 */
import { isIP } from 'node:net';

export interface AddressOfXff {
  address: string;
  /** It is the only one. */
  single: boolean;
}

/**
 * The address that stands `skip` places before the last one.
 * @returns undefined where there is none or it is no IP address
 */
export function addressFromXff(value: string | undefined, skip: number): AddressOfXff | undefined {
  if (value === undefined || value === '') return undefined;
  const parts = value.split(',');
  const wanted = parts[parts.length - 1 - skip]?.trim();
  if (wanted === undefined || isIP(wanted) === 0) return undefined;
  return { address: wanted, single: parts.length === 1 };
}
