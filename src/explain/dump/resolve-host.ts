/**
 * The address of a service, as far as a sidecar's configuration tells it: virtual hosts have the service's addresses among their domains, and
 * listeners for TCP stand on them.
 */
import { isIP } from 'node:net';
import { addressText } from '#config/model/address.ts';
import type { DumpReader } from '#dump/dump-reader.ts';
import type { ResolvedHost } from '#explain/configuration.ts';
import type { ByName } from '#explain/dump/dump-resources.ts';
import type { ListenerOutline } from '#explain/dump/outline-listener.ts';

export function resolveHost(
  host: string,
  port: number,
  routes: ByName,
  outlines: readonly ListenerOutline[],
  reader: DumpReader,
): ResolvedHost | undefined {
  return byDomains(host, port, routes, reader) ?? byListener(host, port, outlines, reader);
}

/** The tables of that port first. */
function byDomains(host: string, port: number, routes: ByName, reader: DumpReader): ResolvedHost | undefined {
  const ofPort = (name: string) => name === String(port) || name.endsWith(`:${port}`);
  const names = [...routes.keys()].sort((a, b) => Number(ofPort(b)) - Number(ofPort(a)));
  for (const name of names) {
    for (const virtualHost of reader.objects(routes.get(name), 'virtual_hosts')) {
      const domains = reader.texts(virtualHost, 'domains');
      if (!domains.includes(host)) continue;
      const address = domains.map((domain) => domain.replace(/^\[(.*)\]$/, '$1')).find((domain) => isIP(domain) !== 0);
      if (address !== undefined)
        return { address, why: `${host} is ${address} by virtual host ${reader.text(virtualHost, 'name')}` };
    }
  }
  return undefined;
}

/** A listener of the port whose TCP proxy leads to a cluster of that host. */
function byListener(
  host: string,
  port: number,
  outlines: readonly ListenerOutline[],
  reader: DumpReader,
): ResolvedHost | undefined {
  for (const { listener, json } of outlines) {
    const [address] = listener.addresses;
    if (address.kind !== 'ip' || address.port !== port || /^(0\.0\.0\.0|::)$/.test(address.address)) continue;
    const chains = [reader.object(json, 'default_filter_chain'), ...reader.objects(json, 'filter_chains')];
    const clusters = chains
      .flatMap((chain) => reader.objects(chain, 'filters'))
      .map((filter) => reader.text(reader.object(filter, 'typed_config'), 'cluster').split('|')[3] ?? '');
    if (clusters.some((name) => name === host || name.startsWith(`${host}.`)))
      return { address: address.address, why: `${host} is ${address.address} by listener ${addressText(address)}` };
  }
  return undefined;
}
