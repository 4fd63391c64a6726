/** `/listeners`: names and the addresses that they are bound to. Follows admin.v3.Listeners. */
import { addressText } from '#config/model/address.ts';
import { addressTree } from '#proxy/admin/address-tree.ts';
import { type AdminHandler, json, text } from '#proxy/admin/handler.ts';

export const listeners: AdminHandler = {
  path: '/listeners',
  help: 'print listeners and their addresses',
  parameters: [{ name: 'format', help: 'the form of the answer', options: ['text', 'json'] }],
  answer({ params }, context) {
    const all = context.listeners();
    if (params.get('format') !== 'json') {
      const lines = all.flatMap(({ name, addresses }) =>
        addresses.map((address) => `${name}::${addressText(address)}\n`),
      );
      return text(lines.join(''));
    }
    return json({
      listener_statuses: all.map(({ name, addresses: [first, ...others] }) => ({
        name,
        local_address: addressTree(first),
        ...(others.length > 0 && { additional_local_addresses: others.map(addressTree) }),
      })),
    });
  },
};
