/**
 * One try as the upstream log sees it, which has a line for each, and what a stream says of the connection of one try while others go on.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/router/v3/router.proto (upstream_log)
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import type { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import type { StreamInfo, StreamMarks, UpstreamInfo } from '#proxy/observe/stream-info.ts';

const MARKS = [
  'firstUpstreamTxByte',
  'lastUpstreamTxByte',
  'upstreamPoolAsked',
  'upstreamPoolAnswered',
  'upstreamConnectStart',
  'upstreamConnectComplete',
  'upstreamTlsComplete',
] as const satisfies (keyof StreamMarks)[];

/** A stream has those of its newest try, or of the one whose answer is taken. */
export interface ConnectionFacts {
  upstream: UpstreamInfo | undefined;
  upstreamProtocol: string;
  marks: Pick<StreamMarks, (typeof MARKS)[number]>;
}

export function factsOf({ upstream, upstreamProtocol, marks }: HttpStream): ConnectionFacts {
  return { upstream, upstreamProtocol, marks: { ...marks } };
}

export function restoreFacts(stream: HttpStream, facts: ConnectionFacts): void {
  stream.upstream = facts.upstream;
  stream.upstreamProtocol = facts.upstreamProtocol;
  for (const mark of MARKS) stream.marks[mark] = facts.marks[mark];
}

/** Writes the line of a try that is over, once. */
export function logTry(run: RouterRun, attempt: UpstreamRequest): void {
  const { stream } = run;
  const { upstreamLogs } = stream.manager;
  if (upstreamLogs.length === 0 || attempt.logged) return;
  attempt.logged = true;
  stream.accessLogType = 'UpstreamEnd';
  const info = tryInfo(stream, attempt, run.responseStarted && attempt === run.attempt);
  for (const log of upstreamLogs) log.log(info);
}

/** What the stream says, and in its place what is known of the try alone. Bytes are those of the tries before it too, as in Envoy. */
function tryInfo(stream: HttpStream, attempt: UpstreamRequest, isAnswer: boolean): StreamInfo {
  const { aside } = attempt;
  const info: StreamInfo = Object.create(stream);
  info.responseCode = attempt.status;
  info.responseCodeDetails = '';
  info.flags = attempt.flags;
  info.attemptCount = 0;
  if (!isAnswer) info.responseHeaders = attempt.responseHeaders;
  info.upstreamHeaderBytesSent = attempt.headerBytesSent;
  info.upstreamHeaderBytesReceived = attempt.headerBytesReceived;
  info.upstreamWireBytesSent = attempt.wireBytesSent;
  info.upstreamWireBytesReceived = attempt.wireBytesReceived;
  if (aside === undefined) return info;
  info.upstream = aside.upstream;
  info.upstreamProtocol = aside.upstreamProtocol;
  info.marks = { ...stream.marks, ...Object.fromEntries(MARKS.map((mark) => [mark, aside.marks[mark]])) };
  return info;
}
