/**
 * The client's address as its detectors find it, one after another.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for and
 * envoy.extensions.http.original_ip_detection.
 */
import { isIP } from 'node:net';
import type { CidrRange } from '#config/model/address.ts';
import type { OriginalIpDetector } from '#config/model/original-ip.ts';
import { type AddressOfXff, addressFromXff } from '#selection/forwarded-for.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';
import type { HeaderView } from '#selection/request-view.ts';

export interface OriginalIp {
  /** Undefined: none was found, the peer is the client. */
  address: string | undefined;
  /** An internal address makes the request internal. */
  trusted: boolean;
  /** The peer is added to x-forwarded-for. */
  appends: boolean;
  /** The request is refused with this status; 0: it is not. */
  rejectStatus: number;
}

export type OriginalIpDetection = (headers: HeaderView, peer: string) => OriginalIp;

type Detect = (headers: HeaderView, peer: string) => OriginalIp;

const NONE: OriginalIp = { address: undefined, trusted: false, appends: false, rejectStatus: 0 };

/** @param peer of the function that is returned: the address of the connection's own peer */
export function compileOriginalIp(detectors: readonly OriginalIpDetector[]): OriginalIpDetection {
  const all = detectors.map(compileDetector);
  return (headers, peer) => {
    let appends = false;
    for (const detect of all) {
      const found = detect(headers, peer);
      if (found.rejectStatus > 0) return found;
      appends ||= found.appends;
      if (found.address !== undefined) return { ...found, appends };
    }
    return { ...NONE, appends };
  };
}

function compileDetector(detector: OriginalIpDetector): Detect {
  if (detector.kind === 'custom_header') {
    const { name, trusted, rejectStatus = 0 } = detector;
    return (headers) => {
      const address = headers.get(name);
      if (address === undefined || isIP(address) === 0) return { ...NONE, rejectStatus };
      return { address, trusted, appends: false, rejectStatus: 0 };
    };
  }
  const { trustedHops, trustedRanges, skipsAppend } = detector;
  const found = (from: AddressOfXff | undefined): OriginalIp => ({
    address: from?.address,
    trusted: from?.single ?? false,
    appends: !skipsAppend,
    rejectStatus: 0,
  });
  if (trustedRanges === undefined)
    return (headers) => found(addressFromXff(headers.joined('x-forwarded-for'), trustedHops));
  const isTrusted = inAny(trustedRanges);
  return (headers, peer) =>
    isTrusted(peer) ? found(lastUntrusted(headers.joined('x-forwarded-for'), isTrusted)) : { ...NONE, appends: true };
}

function inAny(configured: readonly CidrRange[]): (address: string) => boolean {
  const ranges = configured.map((range) => new IpRange(range));
  return (address) => {
    const ip = parseIp(address);
    return ip !== undefined && ranges.some((range) => range.has(ip));
  };
}

/** The last address that is not trusted; the first one where all are. What is no address ends the search. */
function lastUntrusted(value: string | undefined, isTrusted: (address: string) => boolean): AddressOfXff | undefined {
  const parts = value?.split(',') ?? [];
  for (let i = parts.length - 1; i >= 0; i--) {
    const address = parts[i].trim();
    if (isIP(address) === 0) return undefined;
    if (i === 0 || !isTrusted(address)) return { address, single: parts.length === 1 };
  }
  return undefined;
}
