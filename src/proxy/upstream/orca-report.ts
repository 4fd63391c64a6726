/**
 * What an endpoint says of its own load, in a header or trailer of its answer: as text, JSON or bytes.
 * Follows https://github.com/envoyproxy/envoy/issues/6614 (ORCA) and xds.data.orca.v3.OrcaLoadReport.
 */
import { fromBinary, fromJson, type JsonValue, type Message } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import type { Headers } from '#wire/headers.ts';

const TYPE = 'xds.data.orca.v3.OrcaLoadReport';
const HEADER = 'endpoint-load-metrics';
/** Bytes, in base 64. */
const BINARY_HEADER = 'endpoint-load-metrics-bin';

/** Fields of the message; what is not said is 0. */
export interface OrcaReport {
  cpuUtilization: number;
  memUtilization: number;
  applicationUtilization: number;
  eps: number;
  rpsFractional: number;
  namedMetrics: { [name: string]: number };
  utilization: { [name: string]: number };
  requestCost: { [name: string]: number };
}

/** @returns undefined where there is none, or one that cannot be read */
export function orcaReport(headers: Headers): OrcaReport | undefined {
  const binary = headers.get(BINARY_HEADER);
  if (binary !== undefined) return fromBase64(binary);
  const header = headers.get(HEADER);
  if (header === undefined) return undefined;
  const text = header.slice(header.indexOf(' ') + 1);
  if (header.startsWith('TEXT ')) return fromText(text);
  if (header.startsWith('JSON ')) return fromJsonText(text);
  return header.startsWith('BIN ') ? fromBase64(text) : undefined;
}

function fromBase64(text: string): OrcaReport | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    return reportOf(fromBinary(messageType(TYPE), Buffer.from(text, 'base64')));
  } catch {
    return undefined;
  }
}

function fromJsonText(text: string): OrcaReport | undefined {
  try {
    return reportOf(fromJson(messageType(TYPE), JSON.parse(text) as JsonValue));
  } catch {
    return undefined;
  }
}

function reportOf(message: Message): OrcaReport {
  return message as unknown as OrcaReport;
}

const SCALARS: ReadonlyMap<
  string,
  'cpuUtilization' | 'memUtilization' | 'applicationUtilization' | 'eps' | 'rpsFractional'
> = new Map([
  ['cpu_utilization', 'cpuUtilization'],
  ['mem_utilization', 'memUtilization'],
  ['application_utilization', 'applicationUtilization'],
  ['eps', 'eps'],
  ['rps_fractional', 'rpsFractional'],
]);
const MAPS: ReadonlyMap<string, 'namedMetrics' | 'utilization'> = new Map([
  ['named_metrics', 'namedMetrics'],
  ['utilization', 'utilization'],
]);

/** `cpu_utilization=0.3,named_metrics.x:5`: a pair that cannot be read spoils the report, as in Envoy. */
function fromText(text: string): OrcaReport | undefined {
  const report: OrcaReport = {
    cpuUtilization: 0,
    memUtilization: 0,
    applicationUtilization: 0,
    eps: 0,
    rpsFractional: 0,
    namedMetrics: {},
    utilization: {},
    requestCost: {},
  };
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const pair = part.trim();
    if (pair === '') continue;
    const [name, digits = '', ...rest] = pair.split(/[:=]/);
    const value = digits.trim() === '' ? Number.NaN : Number(digits);
    if (rest.length > 0 || seen.has(name) || !Number.isFinite(value) || value < 0) return undefined;
    seen.add(name);
    if (!put(report, name, value)) return undefined;
  }
  return seen.size === 0 ? undefined : report;
}

function put(report: OrcaReport, name: string, value: number): boolean {
  const scalar = SCALARS.get(name);
  if (scalar !== undefined) {
    report[scalar] = value;
    return true;
  }
  const dot = name.indexOf('.');
  const map = MAPS.get(name.slice(0, Math.max(0, dot)));
  const key = name.slice(dot + 1);
  if (map === undefined || key === '') return false;
  report[map][key] = value;
  return true;
}

/**
 * The metrics that a list asks for: `cpu_utilization`, `named_metrics.foo`, `named_metrics.*`. One that is asked for twice is told twice.
 * Follows config.cluster.v3.Cluster.lrs_report_endpoint_metrics.
 */
export function metricsOf(report: OrcaReport, wanted: readonly string[]): [name: string, value: number][] {
  return wanted.flatMap((name): [string, number][] => {
    const scalar = SCALARS.get(name);
    if (scalar !== undefined) return [[name, report[scalar]]];
    const dot = name.indexOf('.');
    const values = mapOf(report, name.slice(0, Math.max(0, dot)));
    const key = name.slice(dot + 1);
    if (key === '*') return Object.entries(values).map(([found, value]) => [`${name.slice(0, dot)}.${found}`, value]);
    return Object.hasOwn(values, key) ? [[name, values[key]]] : [];
  });
}

function mapOf({ namedMetrics, utilization, requestCost }: OrcaReport, name: string): { [name: string]: number } {
  if (name === 'named_metrics') return namedMetrics;
  if (name === 'utilization') return utilization;
  return name === 'request_cost' ? requestCost : NOTHING;
}

const NOTHING = {};
