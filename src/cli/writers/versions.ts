/**
 * The versions that a proxy's bootstrap tells of, as istioctl shows them.
 * Follows envoy.config.core.v3.Node (`user_agent_build_version`) and Istio's node metadata.
 */
import { printable } from '#base/printable.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export function versionsText(bootstrap: JsonObject | undefined, reader: DumpReader): string {
  const node = reader.object(bootstrap, 'node');
  const metadata = reader.object(node, 'metadata');
  const lines: [label: string, value: string][] = [
    ['Istio Version:', reader.text(metadata, 'ISTIO_VERSION')],
    ['Istio Proxy Version:', reader.text(metadata, 'ISTIO_PROXY_SHA').replace(/^istio-proxy:/, '')],
    ['Envoy Version:', envoyVersion(reader.object(node, 'user_agent_build_version'), reader)],
  ];
  const known = lines.filter(([, value]) => value !== '');
  const width = Math.max(0, ...known.map(([label]) => label.length)) + 1;
  return known.map(([label, value]) => `${label.padEnd(width)}${printable(value)}\n`).join('');
}

function envoyVersion(build: JsonObject | undefined, reader: DumpReader): string {
  const version = reader.object(build, 'version');
  if (version === undefined) return '';
  const numbers = ['major_number', 'minor_number', 'patch'].map((part) => reader.number(version, part)).join('.');
  return `${numbers}/${reader.text(reader.object(build, 'metadata'), 'build.type')}`;
}
