/**
 * Says which HTTP a client without TLS speaks, as an application protocol for filter chains to match: http/1.0, http/1.1, h2c.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/http_inspector
 */
import { honours } from '#config/read/support.ts';
import { Close, Continue, listenerFilter, Wait } from '#proxy/listeners/listener-filter.ts';
import { inspectProtocol } from '#wire/http1/inspect-protocol.ts';

const TYPE = 'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector';
const check = honours(TYPE, []);

/** A request line that is longer closes the connection. */
const LONGEST_LINE = 64 * 1024;

export const httpInspector = listenerFilter({
  name: 'envoy.filters.listener.http_inspector',
  message: TYPE,

  config(message: never, at) {
    check(message, at);
    return {};
  },

  stats(root) {
    const scope = root.scope('http_inspector');
    return {
      readError: scope.counter('read_error'),
      http10Found: scope.counter('http10_found'),
      http11Found: scope.counter('http11_found'),
      http2Found: scope.counter('http2_found'),
      httpNotFound: scope.counter('http_not_found'),
    };
  },

  accept: ({ connection }) => (connection.transportProtocol === 'raw_buffer' ? Wait : Continue),

  data({ connection }, { stats }, bytes) {
    const protocol = inspectProtocol(bytes);
    switch (protocol) {
      case 'incomplete':
        if (bytes.length < LONGEST_LINE) return Wait;
        stats.readError.inc();
        return Close;
      case 'not_http':
        stats.httpNotFound.inc();
        return Continue;
      case 'http/1.0':
        stats.http10Found.inc();
        break;
      case 'http/1.1':
        stats.http11Found.inc();
        break;
      case 'h2c':
        stats.http2Found.inc();
    }
    connection.applicationProtocols = [protocol];
    return Continue;
  },
});
