/**
 * Runs a script of ours in network namespaces of its own, as root in there: one for the proxy, and `client`, whose TCP connections come to
 * the proxy's namespace and are redirected there by iptables. What the script prints, as JSON, is the result.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');

/** The proxy's namespace has these addresses; everything else that the client connects to is routed to it. */
export const PROXY_ADDRESS = '10.77.0.1';
export const CLIENT_ADDRESS = '10.77.0.2';

const SETUP = `
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
ip link set lo up
ip netns add client
ip link add p0 type veth peer name c0 netns client
ip addr add ${PROXY_ADDRESS}/24 dev p0
ip addr add fd77::1/64 dev p0 nodad
ip link set p0 up
ip -n client addr add ${CLIENT_ADDRESS}/24 dev c0
ip -n client addr add fd77::2/64 dev c0 nodad
ip -n client link set c0 up
ip -n client link set lo up
ip -n client route add default via ${PROXY_ADDRESS}
ip -n client -6 route add default via fd77::1
`;

/**
 * @param script path from the package's folder, with its arguments
 * @param rules what iptables is to do with the client's TCP connections, for both versions of IP: `-t nat --dport 80 -j REDIRECT`
 * @param routes commands of ip(8), for both versions of IP
 * @throws with what was written to standard error where the script fails
 */
export async function inNamespaces(script: string[], rules: string[], routes: string[] = []): Promise<unknown> {
  const tables = rules.flatMap((rule) =>
    ['iptables', 'ip6tables'].map(
      (table) => `${table} -w ${rule.replace(/(-t \w+)/, '$1 -A PREROUTING -i p0 -p tcp')}`,
    ),
  );
  const ways = routes.flatMap((route) => ['-4', '-6'].map((version) => `ip ${version} ${route}`));
  const command = ['-Urnm', 'sh', '-c', `${SETUP}${[...tables, ...ways].join('\n')}\nexec "$@"`, 'sh'];
  const { stdout } = await promisify(execFile)('unshare', [...command, join(root, 'tools/node'), ...script], {
    cwd: root,
    timeout: 60_000,
  });
  return JSON.parse(stdout);
}
