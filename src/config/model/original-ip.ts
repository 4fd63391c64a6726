/**
 * Where the client's address is found, if the manager does not go by its own peer. Follows envoy.extensions.http.original_ip_detection.
 */
import type { CidrRange } from './address.ts';

export type OriginalIpDetector =
  /** In x-forwarded-for: so many places before the last, or the last that is in none of these networks. */
  | { kind: 'xff'; trustedHops: number; trustedRanges?: CidrRange[]; skipsAppend: boolean }
  /** In a header of its own. Trusted: an internal address makes the request internal. */
  | { kind: 'custom_header'; name: string; trusted: boolean; rejectStatus?: number };
