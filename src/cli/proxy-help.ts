/**
 * What `fairlead proxy --help` prints.
 */
import { PROXY_FLAGS, type ProxyFlag } from '#cli/proxy-flags.ts';

const COLUMN = 38;

/** Every flag with its meaning, then how it is used; the flags that are refused are named last. */
export function proxyHelp(): string {
  const honoured = PROXY_FLAGS.filter((flag) => flag.refused === undefined);
  const refused = PROXY_FLAGS.filter((flag) => flag.refused !== undefined);
  return `Runs an Envoy bootstrap. Takes Envoy's flags, with Envoy's meaning.

Usage: fairlead proxy -c FILE [FLAG]...

Flags:
${honoured.map(line).join('\n')}
${row('--version', 'versions of Fairlead, of the Envoy API that it speaks, and of its Node')}
${row('--hot-restart-version', 'with which generations a hot restart can be shared')}
${row('-h, --help', 'this text')}

Envoy's flags that are refused:
${refused.map((flag) => row(`--${flag.name}`, flag.refused as string)).join('\n')}

Examples:
  fairlead proxy -c envoy.yaml
  fairlead proxy -c envoy.yaml --mode validate
  fairlead proxy -c envoy.yaml --config-yaml 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}'
  fairlead proxy -c envoy.yaml --concurrency 2 -l warning --component-log-level upstream:debug,config:trace
`;
}

function line(flag: ProxyFlag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const value = flag.value === undefined ? '' : ` ${flag.value}`;
  return row(`${short}--${flag.name}${value}`, flag.summary);
}

function row(name: string, meaning: string): string {
  return `  ${name.padEnd(COLUMN)} ${meaning}`;
}
