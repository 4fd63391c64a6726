/**
 * Times that passed between two marks of a stream, in whole milliseconds unless told otherwise.
 */
import { countOf, type NumberOf, numberOperator, type OperatorTable } from '#proxy/observe/format/operator.ts';
import type { StreamInfo, StreamMarks } from '#proxy/observe/stream-info.ts';

type Mark = keyof StreamMarks;

/** The names that COMMON_DURATION knows; filters may set others, which ours do not. */
const marksByName: { readonly [name: string]: Mark | undefined } = {
  DS_RX_BEG: 'start',
  // A stream begins when its head is whole.
  DS_RX_HDR_END: 'start',
  DS_RX_END: 'lastDownstreamRxByte',
  US_CX_BEG: 'upstreamConnectStart',
  US_CX_END: 'upstreamConnectComplete',
  US_HS_END: 'upstreamTlsComplete',
  US_TX_BEG: 'firstUpstreamTxByte',
  US_TX_END: 'lastUpstreamTxByte',
  US_RX_BEG: 'firstUpstreamRxByte',
  US_RX_END: 'lastUpstreamRxByte',
  DS_TX_BEG: 'firstDownstreamTxByte',
  DS_TX_END: 'lastDownstreamTxByte',
  US_RX_BODY_BEG: 'firstUpstreamRxBody',
};

/** How many of each unit are in a millisecond. */
const units: { readonly [name: string]: number } = { ms: 1, us: 1_000, ns: 1_000_000 };

export const durationOperators: OperatorTable = {
  DURATION: (_argument, _maxLength, { clock }) =>
    numberOperator(({ marks }) => Math.trunc((marks.complete < 0 ? clock.now() : marks.complete) - marks.start)),
  REQUEST_DURATION: countOf(sinceStart('lastDownstreamRxByte')),
  REQUEST_TX_DURATION: countOf(sinceStart('lastUpstreamTxByte')),
  RESPONSE_DURATION: countOf(sinceStart('firstUpstreamRxByte')),
  RESPONSE_TX_DURATION: countOf(({ marks }) =>
    marks.firstUpstreamRxByte < 0 || marks.lastDownstreamTxByte < 0
      ? undefined
      : Math.trunc(marks.lastDownstreamTxByte - marks.firstUpstreamRxByte),
  ),
  // Below zero where the handshake was done before the request came.
  DOWNSTREAM_HANDSHAKE_DURATION: countOf(({ marks, connection }) =>
    connection.tlsCompleteMark < 0 ? undefined : Math.trunc(connection.tlsCompleteMark - marks.start),
  ),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: countOf(({ marks }) =>
    marks.upstreamPoolAnswered < 0 ? undefined : Math.trunc(marks.upstreamPoolAnswered - marks.upstreamPoolAsked),
  ),
  COMMON_DURATION(argument) {
    const [from, to, unit = 'ms'] = argument.split(':');
    return numberOperator(between(from, to, units[unit]));
  },
};

function sinceStart(mark: Mark): NumberOf {
  return ({ marks }) => (marks[mark] < 0 ? undefined : Math.trunc(marks[mark] - marks.start));
}

function between(from: string, to: string, perMillisecond: number): NumberOf {
  const begin = pointOf(from);
  const end = pointOf(to);
  return (info) => {
    const first = begin(info);
    const last = end(info);
    return first < 0 || last < first ? undefined : Math.floor((last - first) * perMillisecond);
  };
}

/** @returns the time of a point by its name; -1 where it has not happened */
function pointOf(name: string): (info: StreamInfo) => number {
  if (name === 'DS_HS_END') return ({ connection }) => connection.tlsCompleteMark;
  const mark = marksByName[name];
  return mark === undefined ? () => -1 : ({ marks }) => marks[mark];
}
