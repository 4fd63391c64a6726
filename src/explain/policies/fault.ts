/**
 * Faults that are injected: delays and aborts. Follows envoy.extensions.filters.http.fault.v3.HTTPFault.
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { answer } from '#explain/local-answer.ts';
import type { Policy, Said } from '#explain/policies/judge.ts';
import { matchHeader } from '#explain/policies/match-parts.ts';

export const fault: Policy = (config, request, reader) => {
  const applies = reader.objects(config, 'headers').every((header) => matchHeader(header, request).holds !== false);
  if (!applies) return [];
  const delay = reader.object(config, 'delay');
  const abort = reader.object(config, 'abort');
  return [
    ...(delay === undefined ? [] : [delaySays(delay, reader)]),
    ...(abort === undefined ? [] : [abortSays(abort, reader)]),
  ];
};

function delaySays(delay: JsonObject, reader: DumpReader): Said {
  const how = reader.text(delay, 'fixed_delay') || 'what a header of the request says';
  return { outcome: 'notes', why: `delays ${share(delay, reader)} by ${how}` };
}

function abortSays(abort: JsonObject, reader: DumpReader): Said {
  const status = reader.number(abort, 'http_status');
  const grpc = reader.number(abort, 'grpc_status');
  const how = status > 0 ? `status ${status}` : grpc > 0 ? `gRPC status ${grpc}` : 'what a header of the request says';
  const why = `answers ${share(abort, reader)} with ${how}`;
  if (percentOf(abort, reader) < 100 || status === 0)
    return { outcome: percentOf(abort, reader) === 0 ? 'notes' : 'depends', why };
  return { outcome: 'denies', why, response: answer(status, 'fault_filter_abort', 'fault filter abort') };
}

function share(of: JsonObject, reader: DumpReader): string {
  const percent = percentOf(of, reader);
  return percent === 100 ? 'every request' : `${percent} % of the requests`;
}

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

function percentOf(of: JsonObject, reader: DumpReader): number {
  const percentage = reader.object(of, 'percentage');
  const denominator = DENOMINATORS[reader.text(percentage, 'denominator') || 'HUNDRED'] ?? 100;
  return (reader.number(percentage, 'numerator') / denominator) * 100;
}
