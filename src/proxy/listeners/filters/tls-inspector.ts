/**
 * Says whether a client speaks TLS, which server it asks for, which protocols it offers, and what it looks like (JA3, JA4).
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/tls_inspector
 */
import { honours } from '#config/read/support.ts';
import type { TlsInspector } from '#envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { Close, Continue, listenerFilter, Wait } from '#proxy/listeners/listener-filter.ts';
import { Extension, parseClientHello } from '#wire/tls/client-hello.ts';
import { ja3, ja4 } from '#wire/tls/fingerprints.ts';

const TYPE = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';
const check = honours(
  TYPE,
  [
    'enable_ja3_fingerprinting',
    'enable_ja4_fingerprinting',
    'close_connection_on_client_hello_parsing_errors',
    'max_client_hello_size',
  ],
  { withoutEffect: { initial_read_buffer_size: 'what has come is looked at as it comes' } },
);

/** Undefined: as by default. A listener that needs the filter gets it without any configuration. */
interface Config {
  ja3?: boolean;
  ja4?: boolean;
  closesOnError?: boolean;
  /** Bytes, records included. */
  maxHelloSize?: number;
}

const LARGEST_HELLO = 16 * 1024;
const RECORD_HEADER = 5;
const ALERT_RECORD = 21;
const ALERT_SIZE = RECORD_HEADER + 2;
const CLOSE_NOTIFY = 0;

export const tlsInspector = listenerFilter({
  name: 'envoy.filters.listener.tls_inspector',
  message: TYPE,

  config(message: TlsInspector, at): Config {
    check(message, at);
    return {
      ja3: message.enableJa3Fingerprinting ?? false,
      ja4: message.enableJa4Fingerprinting ?? false,
      closesOnError: message.closeConnectionOnClientHelloParsingErrors,
      maxHelloSize: Math.min(message.maxClientHelloSize ?? LARGEST_HELLO, LARGEST_HELLO),
    };
  },

  stats(root) {
    const scope = root.scope('tls_inspector');
    return {
      clientHelloTooLarge: scope.counter('client_hello_too_large'),
      tlsFound: scope.counter('tls_found'),
      tlsNotFound: scope.counter('tls_not_found'),
      alpnFound: scope.counter('alpn_found'),
      alpnNotFound: scope.counter('alpn_not_found'),
      sniFound: scope.counter('sni_found'),
      sniNotFound: scope.counter('sni_not_found'),
      bytesProcessed: scope.histogram('bytes_processed', 'Bytes'),
    };
  },

  accept: () => Wait,

  data({ connection }, { config, stats }, bytes) {
    if (bytes.length < RECORD_HEADER) return Wait;
    if (bytes[0] === ALERT_RECORD) {
      if (bytes.length < ALERT_SIZE) return Wait;
      // The client gave up before it began.
      if (bytes[ALERT_SIZE - 1] === CLOSE_NOTIFY) return Close;
    }
    const limit = config.maxHelloSize ?? LARGEST_HELLO;
    const hello = parseClientHello(bytes.subarray(0, limit));
    if (hello.kind === 'incomplete') {
      if (bytes.length < limit) return Wait;
      stats.clientHelloTooLarge.inc();
      stats.bytesProcessed.record(limit);
      return Close;
    }
    if (hello.kind !== 'hello') {
      stats.bytesProcessed.record(RECORD_HEADER);
      stats.tlsNotFound.inc();
      return config.closesOnError === true ? Close : Continue;
    }
    stats.bytesProcessed.record(hello.length);
    stats.tlsFound.inc();
    (hello.extensions.includes(Extension.Alpn) ? stats.alpnFound : stats.alpnNotFound).inc();
    (hello.serverName === '' ? stats.sniNotFound : stats.sniFound).inc();
    connection.transportProtocol = 'tls';
    connection.serverName = hello.serverName.toLowerCase();
    connection.applicationProtocols = hello.alpn;
    if (config.ja3 === true) connection.ja3 = ja3(hello);
    if (config.ja4 === true) connection.ja4 = ja4(hello);
    return Continue;
  },
});
