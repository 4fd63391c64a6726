/**
 * Types of the filters that Istio adds to Envoy, which its control plane configures sidecars with.
 * Follows https://github.com/istio/proxy (source/extensions/filters/http: istio_stats, alpn).
 */
import type { ProtoFile } from '#api/small-proto.ts';

const DURATION = '.google.protobuf.Duration';
const ALPN = '.istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig';

export const ISTIO_FILES: Readonly<Record<string, ProtoFile>> = {
  'source/extensions/filters/http/istio_stats/config.proto': {
    package: 'stats',
    imports: ['google/protobuf/duration.proto'],
    messages: {
      MetricConfig: [
        'repeated .stats.MetricConfig.DimensionsEntry dimensions',
        'string name',
        'repeated string tags_to_remove',
        'string match',
        'bool drop',
      ],
      'MetricConfig.DimensionsEntry': ['string key', 'string value'],
      MetricDefinition: ['string name', 'string value', 'enum .stats.MetricType type'],
      PluginConfig: [
        'bool disable_host_header_fallback = 6',
        `${DURATION} tcp_reporting_duration = 7`,
        'repeated .stats.MetricConfig metrics = 8',
        'repeated .stats.MetricDefinition definitions = 9',
        'enum .stats.Reporter reporter = 10',
        `${DURATION} rotation_interval = 11`,
        `${DURATION} graceful_deletion_interval = 12`,
      ],
    },
    enums: { MetricType: ['COUNTER', 'GAUGE', 'HISTOGRAM'], Reporter: ['UNSPECIFIED', 'SERVER_GATEWAY'] },
  },
  'source/extensions/filters/http/alpn/config.proto': {
    package: 'istio.envoy.config.filter.http.alpn.v2alpha1',
    imports: [],
    messages: {
      FilterConfig: [`repeated ${ALPN}.AlpnOverride alpn_override`],
      'FilterConfig.AlpnOverride': [`enum ${ALPN}.Protocol upstream_protocol`, 'repeated string alpn_override'],
    },
    enums: { 'FilterConfig.Protocol': ['HTTP10', 'HTTP11', 'HTTP2'] },
  },
};
