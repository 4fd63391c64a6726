/**
 * Addresses as the data plane uses them. Follows config.core.v3.Address.
 */

/** An IP address and port, a unix socket path, or the name of an internal listener. */
export type Address =
  | { kind: 'ip'; address: string; port: number; protocol: 'TCP' | 'UDP'; ipv4Compat: boolean }
  | { kind: 'pipe'; path: string; mode: number }
  | { kind: 'internal'; name: string; endpointId: string };

/** The address in Envoy's text form: `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `envoy://name/id`. */
export function addressText(address: Address): string {
  if (address.kind === 'pipe') return address.path;
  if (address.kind === 'internal') return `envoy://${address.name}/${address.endpointId}`;
  return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

/** A network in CIDR form. Follows config.core.v3.CidrRange. */
export interface CidrRange {
  address: string;
  prefixLength: number;
}
