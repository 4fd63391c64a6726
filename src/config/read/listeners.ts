/**
 * The bootstrap's listeners: no two of them have one name, or one address. Follows Envoy's listener manager.
 */
import type { Place } from '#api/place.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readListener } from '#config/read/listener.ts';
import { readAll } from '#config/read/read-all.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

export function readListeners(messages: readonly Listener[], at: Place, context: ReadContext): ListenerConfig[] {
  const names = new Set<string>();
  const bound = new Set<string>();
  return readAll(messages, at, (message, place) => {
    if (names.has(message.name)) {
      place.field('name').warn(`duplicate listener '${message.name}': it is left out, the first one holds`);
      return 'skipped';
    }
    const listener = readListener(message, place, context);
    const name = listener.name || unusedName(listener.addresses[0], names);
    names.add(name);
    claimAddresses(name, listener.addresses, bound, place);
    return { ...listener, name };
  }).filter((listener) => listener !== 'skipped');
}

/** Envoy calls a listener without a name by a random one; here it goes by its address, the same on every run. */
function unusedName(address: Address, names: ReadonlySet<string>): string {
  const text = addressText(address);
  let name = text;
  for (let i = 2; names.has(name); i++) name = `${text}#${i}`;
  return name;
}

/** Two listeners may not have the same address, whether or not they bind it; one listener may have it twice. */
function claimAddresses(name: string, addresses: readonly Address[], bound: Set<string>, at: Place): void {
  const own = new Set<string>();
  for (const [i, address] of addresses.entries()) {
    // Port 0 is another one for each.
    if (address.kind === 'ip' && address.port === 0) continue;
    const text = addressText(address);
    const place =
      i === 0
        ? at.field('address')
        : at
            .field('additional_addresses')
            .index(i - 1)
            .field('address');
    const claimed = address.kind === 'ip' && address.protocol === 'UDP' ? `UDP ${text}` : text;
    if (bound.has(claimed)) place.report(`error adding listener: '${name}' has duplicate address '${text}' ${HELP}`);
    own.add(claimed);
  }
  for (const text of own) bound.add(text);
}

const HELP =
  "as existing listener, to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener";
