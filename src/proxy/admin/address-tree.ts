/**
 * Addresses as JSON, in the form of config.core.v3.Address.
 */
import type { Address } from '#config/model/address.ts';

export function addressTree(address: Address): object {
  switch (address.kind) {
    case 'ip':
      return {
        socket_address: {
          ...(address.protocol === 'UDP' && { protocol: 'UDP' }),
          address: address.address,
          port_value: address.port,
        },
      };
    case 'pipe':
      return { pipe: { path: address.path, ...(address.mode !== 0 && { mode: address.mode }) } };
    case 'internal':
      return {
        envoy_internal_address: {
          server_listener_name: address.name,
          ...(address.endpointId !== '' && { endpoint_id: address.endpointId }),
        },
      };
  }
}
