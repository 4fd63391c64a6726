import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExtensionReaders } from '#config/read/extensions.ts';
import { readHttpConnectionManager } from '#config/read/http-connection-manager.ts';
import { routerReader } from '#config/read/router.ts';
import { readMessage } from '#testing/read-message.ts';

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
};

function read(tree: object) {
  const routes = 'rds' in tree ? {} : { route_config: {} };
  const all = { stat_prefix: 'in', ...routes, http_filters: [ROUTER], ...tree };
  return readMessage(HCM, all, readHttpConnectionManager, {
    extensions: new ExtensionReaders().register(routerReader),
  });
}

test('what is not said is as in Envoy', () => {
  const { value, errors, warnings } = read({});
  assert.deepEqual([errors, warnings], [[], []]);
  assert.ok(value !== undefined);
  const { httpFilters, routes, common, http1, http2, ...rest } = value;
  assert.deepEqual(
    httpFilters.map(({ name }) => name),
    ['envoy.filters.http.router'],
  );
  assert.equal(routes.kind, 'inline');
  assert.equal(common.idleTimeout, 3_600_000);
  assert.equal(common.maxHeadersCount, 100);
  assert.equal(http1.allowAbsoluteUrl, true);
  assert.equal(http2.maxConcurrentStreams, 1024);
  assert.deepEqual(rest, {
    codecType: 'AUTO',
    statPrefix: 'in',
    serverName: 'envoy',
    serverHeaderTransformation: 'OVERWRITE',
    addUserAgent: false,
    useRemoteAddress: false,
    xffNumTrustedHops: 0,
    skipXffAppend: false,
    appendXForwardedPort: false,
    via: '',
    generateRequestId: true,
    http1SafeMaxConnectionDuration: false,
    addProxyProtocolConnectionState: true,
    preserveExternalRequestId: false,
    alwaysSetRequestIdInResponse: false,
    requestIdExtension: { packTraceReason: true, useRequestIdForTraceSampling: true },
    clientCert: {
      details: 'SANITIZE',
      told: { subject: false, cert: false, chain: false, dns: false, uri: false, issuer: false },
      format: 'TEXT',
    },
    proxy100Continue: false,
    representIpv4RemoteAddressAsIpv4MappedIpv6: false,
    upgradeConfigs: [],
    mergeSlashes: false,
    pathWithEscapedSlashesAction: 'IMPLEMENTATION_SPECIFIC_DEFAULT',
    stripHostPort: 'none',
    stripTrailingHostDot: false,
    streamIdleTimeout: 300_000,
    streamFlushTimeout: 300_000,
    requestTimeout: 0,
    requestHeadersTimeout: 0,
    drainTimeout: 5000,
    drainTimeoutJitter: 0,
    delayedCloseTimeout: 1000,
    maxRequestHeadersKb: 60,
    accessLog: [],
    accessLogOptions: { flushInterval: 0, flushOnNewRequest: false, flushLogOnTunnelSuccessfullyEstablished: false },
    streamErrorOnInvalidHttpMessage: false,
  });
});

test('what is said is taken', () => {
  const { value, errors } = read({
    codec_type: 'HTTP1',
    server_name: 's',
    server_header_transformation: 'PASS_THROUGH',
    use_remote_address: true,
    xff_num_trusted_hops: 2,
    internal_address_config: { unix_sockets: true, cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
    via: 'v',
    generate_request_id: false,
    forward_client_cert_details: 'SANITIZE_SET',
    set_current_client_cert_details: { subject: true, uri: true },
    normalize_path: true,
    path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD',
    strip_any_host_port: true,
    stream_idle_timeout: '0s',
    request_headers_timeout: '2.5s',
    max_request_headers_kb: 96,
    common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST', idle_timeout: '60s' },
  });
  assert.deepEqual(errors, []);
  assert.equal(value?.codecType, 'HTTP1');
  assert.equal(value?.serverName, 's');
  assert.equal(value?.serverHeaderTransformation, 'PASS_THROUGH');
  assert.equal(value?.useRemoteAddress, true);
  assert.equal(value?.xffNumTrustedHops, 2);
  assert.deepEqual(value?.internalAddressConfig, {
    unixSockets: true,
    cidrRanges: [{ address: '10.0.0.0', prefixLength: 8 }],
  });
  assert.equal(value?.generateRequestId, false);
  assert.deepEqual(value?.clientCert, {
    details: 'SANITIZE_SET',
    told: { subject: true, cert: false, chain: false, dns: false, uri: true, issuer: false },
    format: 'TEXT',
  });
  assert.equal(value?.normalizePath, true);
  assert.equal(value?.pathWithEscapedSlashesAction, 'UNESCAPE_AND_FORWARD');
  assert.equal(value?.stripHostPort, 'any');
  assert.equal(value?.streamIdleTimeout, 0);
  assert.equal(value?.requestHeadersTimeout, 2500);
  assert.equal(value?.maxRequestHeadersKb, 96);
  assert.equal(value?.common.headersWithUnderscoresAction, 'REJECT_REQUEST');
  assert.equal(value?.common.idleTimeout, 60_000);
});

test('both ways to strip a port together are refused, in the words of Envoy', () => {
  assert.deepEqual(read({ strip_any_host_port: true, strip_matching_host_port: true }).errors, [
    'strip_matching_host_port: Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.',
  ]);
});

test('HTTP/3 is refused by name', () => {
  assert.match(read({ codec_type: 'HTTP3' }).errors[0], /^codec_type: .* is not supported by Fairlead/);
});

test('what no part of the data path does is refused by name', () => {
  const refused = {
    tracing: {},
    http3_protocol_options: {},
    proxy_status_config: {},
  };
  for (const [name, value] of Object.entries(refused)) {
    const [error, ...others] = read({ [name]: value }).errors;
    assert.deepEqual(others, []);
    assert.ok(error.startsWith(`${name}: field '${name}' is not supported by Fairlead yet`), error);
  }
});

test('route tables by ADS need an ADS in the bootstrap', () => {
  const rds = { route_config_name: 'r', config_source: { ads: {} } };
  assert.deepEqual(read({ rds }).errors, [
    'rds.config_source.ads: ADS is not configured: the bootstrap has no ads_config',
  ]);
});
