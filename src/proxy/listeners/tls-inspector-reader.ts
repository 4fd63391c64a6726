/**
 * The configuration of the TLS inspector. Follows extensions.filters.listener.tls_inspector.v3.TlsInspector.
 */
import type { ExtensionReader } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';

const TYPE = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';
const check = honours(TYPE, []);

export const tlsInspectorReader: ExtensionReader = {
  name: 'envoy.filters.listener.tls_inspector',
  message: TYPE,
  category: 'listener_filter',
  read(message, at) {
    check(message as never, at);
    return {};
  },
};
