/**
 * What happened to a stream, who it belongs to, and what the machine says of itself.
 */
import { toByteText } from '#proxy/observe/format/byte-text.ts';
import { bytesOf, countOf, nameOf, type OperatorTable, plain, textOperator } from '#proxy/observe/format/operator.ts';
import { flagsText } from '#proxy/observe/response-flags.ts';

export const streamOperators: OperatorTable = {
  PROTOCOL: nameOf((info) => info.protocol),
  UPSTREAM_PROTOCOL: nameOf((info) => info.upstreamProtocol),
  RESPONSE_CODE: countOf((info) => info.responseCode),
  RESPONSE_CODE_DETAILS(argument) {
    const keepSpaces = argument === 'ALLOW_WHITESPACES';
    return textOperator(({ responseCodeDetails: details }) =>
      details === '' ? undefined : keepSpaces ? details : underscored(details),
    );
  },
  CONNECTION_TERMINATION_DETAILS: nameOf(
    (info) => info.connectionTerminationDetails || info.connection.terminationDetails,
  ),
  DOWNSTREAM_DETECTED_CLOSE_TYPE: nameOf((info) => info.downstreamCloseType ?? 'Normal'),
  DOWNSTREAM_LOCAL_CLOSE_REASON: nameOf((info) => info.downstreamLocalCloseReason),
  RESPONSE_FLAGS: bytesOf((info) => flagsText(info.flags, 'short', info.flagOrder)),
  RESPONSE_FLAGS_LONG: bytesOf((info) => flagsText(info.flags, 'long', info.flagOrder)),
  // Set by filters that mark a stream with words of their own: none of ours does.
  CUSTOM_FLAGS: bytesOf(() => ''),
  ROUTE_NAME: nameOf((info) => info.route?.name),
  VIRTUAL_CLUSTER_NAME: nameOf((info) => info.virtualClusterName),
  FILTER_CHAIN_NAME: nameOf((info) => info.connection.filterChainName),
  LISTENER_NAME: nameOf((info) => info.connection.listenerName),
  CONNECTION_ID: countOf((info) => info.connection.id),
  STREAM_ID: bytesOf((info) => info.requestHeaders.get('x-request-id')),
  TRACE_ID: nameOf((info) => info.traceId),
  // Nothing is traced yet, and Envoy has no span either where it does not trace.
  SPAN_ID: nameOf(() => undefined),
  TLS_JA3_FINGERPRINT: nameOf((info) => info.connection.ja3),
  TLS_JA4_FINGERPRINT: nameOf((info) => info.connection.ja4),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: nameOf((info) => underscored(info.connection.transportFailureReason)),
  ACCESS_LOG_TYPE: bytesOf((info) => (info.accessLogType === '' ? 'NotSet' : info.accessLogType)),
  LOCAL_REPLY_BODY: bytesOf((info) => info.localReplyBody),
  UNIQUE_ID: (_argument, _maxLength, { random }) => textOperator(() => random.uuid()),
  HOSTNAME: (_argument, _maxLength, { hostname }) => textOperator(() => hostname),
  ENVIRONMENT(name, maxLength, { environment }) {
    const value = toByteText(environment[name] ?? '-');
    return textOperator(() => value, maxLength);
  },
  // Round trips are told by HTTP/3 alone.
  ROUNDTRIP_DURATION: plain(textOperator(() => undefined)),
};

/** Blanks would split a log line into more fields than it has. */
export function underscored(text: string): string {
  return text.replace(/\s/g, '_');
}
