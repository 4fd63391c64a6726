/**
 * The address that this machine goes by: that of its first interface that is not the loopback, as Envoy's local info has it.
 */
import { networkInterfaces } from 'node:os';

let known: string | undefined;

/** IPv4, since `--local-address-ip-version` is v4 unless said; the loopback where there is nothing else. */
export function localAddress(): string {
  known ??= find('IPv4') ?? '127.0.0.1';
  return known;
}

/** Called once, at start: `--local-address-ip-version`. */
export function useLocalAddressOf(version: 'v4' | 'v6'): void {
  known = version === 'v4' ? (find('IPv4') ?? '127.0.0.1') : (find('IPv6') ?? '::1');
}

/** To Envoy the rest of 127.0.0.0/8 is as any other address. */
export function isLoopback(address: string): boolean {
  return address === '127.0.0.1' || address === '::1';
}

function find(family: 'IPv4' | 'IPv6'): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const entry of addresses ?? []) {
      if (entry.family === family && !entry.internal && !entry.address.startsWith('fe80:')) return entry.address;
    }
  }
  return undefined;
}
