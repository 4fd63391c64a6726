/**
 * Extensions of the server itself. Follows envoy.config.bootstrap.v3.Bootstrap.bootstrap_extensions and
 * envoy.extensions.bootstrap.internal_listener.v3.InternalListener.
 */

import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';

const INTERNAL_LISTENER = 'envoy.extensions.bootstrap.internal_listener.v3.InternalListener';
const checkInternal = honours(INTERNAL_LISTENER, [], {
  withoutEffect: { buffer_size_kb: 'the kernel keeps what is on its way to an internal listener' },
});

/** @returns whether there are internal listeners. */
export function readBootstrapExtensions(
  messages: readonly TypedExtensionConfig[],
  at: Place,
  context: ReadContext,
): boolean {
  const found = readAll(messages, at, ({ name, typedConfig }, place) => {
    const inside = place.field('typed_config');
    const { typeName, message } = extensionMessage(typedConfig, name, inside, context);
    if (typeName !== INTERNAL_LISTENER) throw unsupportedExtension(name, typeName, 'bootstrap_extension', inside);
    checkInternal(message, inside);
    return typeName;
  });
  return found.length > 0;
}
