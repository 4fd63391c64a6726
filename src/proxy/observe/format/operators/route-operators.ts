/**
 * How routes were found, and how far away the client is: ROUTE_RESOLUTION_COUNT, ROUTE_RESOLUTION_TIME_US, DOWNSTREAM_CX_RTT.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import { countOf, numberOperator, type OperatorTable, plain } from '#proxy/observe/format/operator.ts';
import { socketOption } from '#proxy/transport/native-sockets.ts';

/** Whether anybody wants to know how long it took: else nobody looks at the clock. */
export const routeTiming = { wanted: false };

const IPPROTO_TCP = 6;
/** Of Linux; `tcpi_rtt` of its struct is in microseconds. */
const TCP_INFO = 11;
const TCPI_RTT = 68;

export const routeOperators: OperatorTable = {
  ROUTE_RESOLUTION_COUNT: countOf(({ routeResolutions = 0 }) => routeResolutions),
  ROUTE_RESOLUTION_TIME_US() {
    routeTiming.wanted = true;
    return numberOperator(({ routeResolutionTime: time }) => (time === undefined ? undefined : Math.round(time)));
  },
  DOWNSTREAM_CX_RTT: plain(numberOperator(({ connection }) => roundTripMilliseconds(connection.descriptor))),
};

function roundTripMilliseconds(descriptor: number | undefined): number | undefined {
  if (descriptor === undefined || descriptor < 0 || process.platform !== 'linux') return undefined;
  const info = socketOption(descriptor, IPPROTO_TCP, TCP_INFO, TCPI_RTT + 4);
  return info === undefined || info.length < TCPI_RTT + 4 ? undefined : Math.floor(info.readUInt32LE(TCPI_RTT) / 1000);
}
