/**
 * Operators that Envoy knows and we cannot answer: refused when configured, so that no log says less than it was asked for.
 */
import type { OperatorDefinition, OperatorTable } from '#proxy/observe/format/operator.ts';

const reasons: { readonly [name: string]: string } = {
  CEL: 'expressions in formats come later',
  DOWNSTREAM_CX_RTT: 'the runtime does not tell the round trip time',
  DOWNSTREAM_TLS_GROUP: 'the runtime does not tell the key exchange group',
  UPSTREAM_TLS_GROUP: 'the runtime does not tell the key exchange group',
  DOWNSTREAM_PEER_OTHERNAME_SAN: 'other names of certificates come later',
  DOWNSTREAM_LOCAL_OTHERNAME_SAN: 'other names of certificates come later',
  DOWNSTREAM_DETECTED_CLOSE_TYPE: 'how connections were closed is not kept',
  UPSTREAM_DETECTED_CLOSE_TYPE: 'how connections were closed is not kept',
  DOWNSTREAM_LOCAL_CLOSE_REASON: 'how connections were closed is not kept',
  UPSTREAM_LOCAL_CLOSE_REASON: 'how connections were closed is not kept',
  UPSTREAM_CONNECTION_POOL_READY_DURATION: 'the wait for a connection is not measured',
  UPSTREAM_HOSTS_ATTEMPTED: 'earlier attempts are not kept',
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: 'earlier attempts are not kept',
  UPSTREAM_HOST_NAMES_ATTEMPTED: 'earlier attempts are not kept',
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: 'earlier attempts are not kept',
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: 'earlier attempts are not kept',
  ROUTE_RESOLUTION_COUNT: 'route resolutions are not counted',
  ROUTE_RESOLUTION_TIME_US: 'route resolutions are not timed',
  SPAN_ID: 'tracing comes later',
};

export const refusedOperators: OperatorTable = Object.fromEntries(
  Object.entries(reasons).map(([name, reason]) => [name, refused(name, reason)]),
);

function refused(name: string, reason: string): OperatorDefinition {
  return {
    params: 'optional',
    length: true,
    compile() {
      throw new Error(`${name} is not supported: ${reason}`);
    },
  };
}
