/**
 * An explanation as people read it: from top to bottom, as the request travels. What comes from the configuration or the request is written
 * with its control characters escaped, so that a terminal obeys none of it.
 */
import { printable } from '#base/printable.ts';
import type {
  ExplainedCluster,
  ExplainedHeader,
  ExplainedHost,
  ExplainedPolicy,
  ExplainedRoute,
  ExplainedStep,
  ExplainedUpstream,
  ExplainedVirtualHost,
  ExplainedWayIn,
  Explanation,
} from '#explain/explanation.ts';
import type { Rejection } from '#selection/recorder.ts';

export interface RenderOptions {
  /** Write terminal colours. */
  color: boolean;
}

/** One line: what it is about, who, and what is said of it. */
interface Row {
  label: string;
  name: string;
  text: string;
  style: 'won' | 'lost' | 'failed' | 'detail';
}

/** Width of the column of labels. */
const LABEL = 15;
/** Names longer than this push their text to the right. */
const LONGEST_NAME = 28;
/** So many candidates are shown at a step; the JSON form has them all. */
const SHOWN = 8;
/** So many notes are shown. */
const NOTES = 4;

const CODES = { won: '1', lost: '2', failed: '31', detail: '0', label: '36' } as const;

export function renderExplanation(explanation: Explanation, { color }: RenderOptions): string {
  const rows = rowsOf(explanation);
  const width = Math.min(LONGEST_NAME, Math.max(0, ...rows.map(({ name }) => name.length)));
  const lines = rows.map((row) => line(row, width, color));
  return `${[...heading(explanation), '', ...lines].join('\n')}\n`;
}

function heading({ request }: Explanation): string[] {
  const { method, scheme, host, path, headers } = request;
  return [printable(`${method} ${scheme}://${host}${path}`), ...headers.map((header) => `  ${headerText(header)}`)];
}

function rowsOf(explanation: Explanation): Row[] {
  const { way_in: wayIn, listener, filter_chain: chain, virtual_host: host, route, cluster } = explanation;
  const { upstream, response, policies = [], notes = [] } = explanation;
  const rows = wayIn === undefined ? [] : wayInRows(wayIn);
  rows.push(...stepRows('listener', listener));
  if (chain !== undefined) rows.push(...stepRows('filter chain', chain));
  rows.push(...changes(explanation));
  if (host !== undefined) rows.push(...stepRows('virtual host', host), ...withPortRows(host));
  if (route !== undefined) {
    const { why, resource } = route;
    rows.push(...stepRows('route', { ...route, why: joined([why, resource]) }), ...otherwiseRows(route));
  }
  rows.push(...policies.flatMap(policyRows));
  if (cluster !== undefined) {
    const { why, type, lb_policy: policy, resource } = cluster;
    rows.push(...stepRows('cluster', { ...cluster, why: joined([why, type, policy, resource]) }));
    for (const share of cluster.shares ?? []) {
      rows.push(detail(`  ${share.name}`, `${share.percent} %, weight ${share.weight}${hostsText(share.hosts)}`));
    }
    rows.push(...(cluster.hosts ?? []).slice(0, SHOWN).map(hostRow));
    const more = (cluster.hosts?.length ?? 0) - SHOWN;
    if (more > 0) rows.push(detail('', `and ${more} more hosts`));
    if (cluster.hosts?.length === 0) rows.push(detail('', hostlessText(cluster)));
  }
  if (upstream !== undefined) rows.push(...upstreamRows(upstream, cluster?.name === ''));
  if (response !== undefined) {
    const { status, details, location, body } = response;
    rows.push({ label: 'response', name: String(status), text: details, style: 'won' });
    if (location !== undefined) rows.push(detail('', `location: ${location}`));
    rows.push(...response.headers.map((header) => detail('', headerText(header))));
    if (body !== undefined) rows.push(detail('', `body: ${body}`));
    if (response.local_reply_config) rows.push(detail('', 'local_reply_config may change it'));
  }
  if (explanation.closed !== undefined)
    rows.push({ label: 'closed', name: '', text: explanation.closed, style: 'failed' });
  return [...rows, ...noteRows(notes)];
}

function joined(facts: readonly (string | undefined)[]): string {
  return facts.filter((fact) => fact !== undefined && fact !== '').join(', ');
}

function hostlessText({ type, clusters = [] }: Pick<ExplainedCluster, 'type' | 'clusters'>): string {
  switch (type) {
    case 'ORIGINAL_DST':
      return 'the original destination is the host';
    case 'DYNAMIC_FORWARD_PROXY':
      return 'the host is the one that the request names, resolved as it comes';
    case 'AGGREGATE':
      return `a host of the first that is healthy: ${clusters.join(', ')}`;
    default:
      return 'no hosts are configured';
  }
}

function wayInRows({ name, address, why, original_destination: destination }: ExplainedWayIn): Row[] {
  return [
    { label: 'way in', name, text: `${address}: ${why}`, style: 'won' },
    detail('', `original destination ${destination}`),
  ];
}

const OUTCOMES = { allows: 'allows', denies: 'denies', depends: 'may refuse', notes: '' } as const;

function policyRows(policy: ExplainedPolicy): Row[] {
  const { filter, outcome, why, policy: named, resource, level, rejected = [] } = policy;
  const from = level === 'listener' ? '' : `by the ${level}`;
  const name = filter.replace(/^envoy\.filters\.(http|network)\./, '');
  const text = joined([OUTCOMES[outcome], why, resource ?? named, from]);
  const near = rejected
    .slice(0, SHOWN)
    .map((one): Row => ({ label: '', name: `  not ${one.name}`, text: one.why, style: 'lost' }));
  return [{ label: 'policy', name, text, style: outcome === 'denies' ? 'failed' : 'won' }, ...near];
}

function noteRows(notes: readonly string[]): Row[] {
  const rows = notes
    .slice(0, NOTES)
    .map((note, i): Row => ({ label: i === 0 ? 'left aside' : '', name: '', text: note, style: 'lost' }));
  const more = notes.length - NOTES;
  return more > 0 ? [...rows, { label: '', name: '', text: `and ${more} more`, style: 'lost' }] : rows;
}

function stepRows(label: string, { name, why, rejected }: ExplainedStep): Row[] {
  const won: Row = { label, name, text: why, style: name === '' && rejected.length > 0 ? 'failed' : 'won' };
  const near = nearestFirst(rejected);
  const rows: Row[] = near.slice(0, SHOWN).map((one) => ({
    label: '',
    name: `  not ${one.name}`,
    text: one.why,
    style: 'lost',
  }));
  const more = near.length - SHOWN;
  if (more > 0) rows.push({ label: '', name: '', text: `nor ${more} more`, style: 'lost' });
  return [won, ...rows];
}

/** A candidate that failed something else than its name, path or port came near. */
function nearestFirst(rejected: readonly Rejection[]): Rejection[] {
  const far = ({ why }: Rejection) => /does not match|do not match|listener has/.test(why);
  return [...rejected.filter((one) => !far(one)), ...rejected.filter(far)];
}

/** What the connection manager made of host and path. */
function changes({ request, connection_manager: manager }: Explanation): Row[] {
  if (manager === undefined) return [];
  const changed: string[] = [];
  if (manager.host !== request.host) changed.push(`host ${manager.host}`);
  if (manager.path !== request.path && request.method !== 'CONNECT') changed.push(`path ${manager.path}`);
  if (manager.client !== request.source) changed.push(`client ${manager.client}`);
  if (manager.internal) changed.push('internal');
  return changed.length === 0
    ? []
    : [{ label: 'http', name: manager.stat_prefix, text: changed.join(', '), style: 'won' }];
}

function withPortRows({ with_port: other }: ExplainedVirtualHost): Row[] {
  if (other === undefined) return [];
  const where = other.virtual_host === '' ? 'no virtual host' : `virtual host ${other.virtual_host}`;
  return [detail('  take care', `a Host field with the port, ${other.host}, goes to ${where}`)];
}

function otherwiseRows({ otherwise }: ExplainedRoute): Row[] {
  if (otherwise === undefined) return [];
  const { route, cluster, status } = otherwise;
  const where = cluster === undefined ? (status === undefined ? '' : `: ${status}`) : `: cluster ${cluster}`;
  return [
    detail('  otherwise', `${route === '' ? 'no route' : route}${where} (the route takes a share of its requests)`),
  ];
}

function hostRow({ address, hostname, weight, priority, health, zone }: ExplainedHost): Row {
  const facts = [
    hostname,
    weight === undefined ? undefined : `weight ${weight}`,
    priority === undefined ? undefined : `priority ${priority}`,
    health,
    zone === undefined ? undefined : `zone ${zone}`,
  ].filter((fact) => fact !== undefined);
  return detail(`  ${address}`, facts.join(', '));
}

function hostsText(hosts: readonly ExplainedHost[]): string {
  if (hosts.length === 0) return '';
  const shown = hosts.slice(0, 3).map(({ address }) => address);
  return `: ${shown.join(', ')}${hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''}`;
}

/** @param ofSome weights decide, and the request is shown as one of the clusters gets it. */
function upstreamRows(upstream: ExplainedUpstream, ofSome: boolean): Row[] {
  const { method, host, path, retries, tls, mirrors } = upstream;
  const limits = [
    `${upstream.timeout_ms === 0 ? 'no timeout' : `timeout ${duration(upstream.timeout_ms)}`}${upstream.timeout_from === 'request' ? ' (the request asks for it)' : ''}`,
    upstream.idle_timeout_ms === undefined ? '' : `idle timeout ${duration(upstream.idle_timeout_ms)}`,
    upstream.max_stream_duration_ms === undefined ? '' : `${duration(upstream.max_stream_duration_ms)} at the longest`,
    retries === undefined
      ? 'no retries'
      : `${retries.number} retries on ${retries.on.join(', ')}${retries.from === 'route' ? '' : ` (by the ${retries.from})`}`,
    retries === undefined || retries.per_try_timeout_ms === 0
      ? ''
      : `${duration(retries.per_try_timeout_ms)} a try${retries.hedged ? ', then another one beside it (hedged)' : ''}`,
    upstream.priority === undefined ? '' : `priority ${upstream.priority}`,
  ];
  return [
    {
      label: 'upstream',
      name: `${method} ${path}`,
      text: limits.filter((text) => text !== '').join(', '),
      style: 'won',
    },
    ...(ofSome ? [detail('', `as ${upstream.cluster} gets it`)] : []),
    ...(tls === undefined ? [] : [detail('', `TLS, server name ${tls.server_name === '' ? 'none' : tls.server_name}`)]),
    ...(mirrors === undefined ? [] : [detail('', `a copy goes to ${mirrors.join(', ')}`)]),
    detail('', `host: ${host}`),
    ...upstream.headers.map((header) => detail('', headerText(header))),
  ];
}

function detail(name: string, text: string): Row {
  return { label: '', name, text, style: 'detail' };
}

function headerText({ name, value }: ExplainedHeader): string {
  return printable(`${name}: ${value}`);
}

/** @param milliseconds as `15s` or `250ms` */
function duration(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

function line({ label, name, text, style }: Row, width: number, color: boolean): string {
  const shown = printable(name);
  const gap = shown === '' ? '' : text === '' ? '' : ' '.repeat(Math.max(3, width + 3 - shown.length));
  const body = `${paint(shown, style === 'won' ? CODES.won : style === 'lost' ? CODES.lost : '', color)}${gap}${paint(
    printable(text),
    style === 'lost' ? CODES.lost : style === 'failed' ? CODES.failed : '',
    color,
  )}`;
  return `${paint(label, CODES.label, color)}${' '.repeat(LABEL - label.length)}${body}`.trimEnd();
}

function paint(text: string, code: string, color: boolean): string {
  return color && code !== '' && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text;
}
