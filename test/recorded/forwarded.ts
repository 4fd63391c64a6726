/**
 * The client's address, by where the proxy is told to stand and by the x-forwarded-for that comes.
 */
import type { Json } from '#testing/bootstrap.ts';
import type { Scope } from '#testing/scope.ts';
import { startEnvoy } from './ask.ts';

const internal = (...prefixes: string[]): Json => ({
  internal_address_config: {
    cidr_ranges: prefixes.map((text) => {
      const [address_prefix, length] = text.split('/');
      return { address_prefix, prefix_len: Number(length) };
    }),
  },
});
const LOOPBACK = internal('127.0.0.0/8');
const TEN = internal('10.0.0.0/8', 'fd00::/8');

const MANAGERS: Record<string, Json> = {
  plain: {},
  '1 hop': { xff_num_trusted_hops: 1 },
  '2 hops': { xff_num_trusted_hops: 2 },
  skip: { skip_xff_append: true },
  edge: { use_remote_address: true },
  'edge, 1 hop': { use_remote_address: true, xff_num_trusted_hops: 1 },
  'edge, 2 hops': { use_remote_address: true, xff_num_trusted_hops: 2 },
  'edge, skip': { use_remote_address: true, skip_xff_append: true },
  'edge, 1 hop, skip': { use_remote_address: true, xff_num_trusted_hops: 1, skip_xff_append: true },
  'loopback internal': LOOPBACK,
  'ten internal': TEN,
  'ten internal, 1 hop': { ...TEN, xff_num_trusted_hops: 1 },
  'edge, loopback internal': { use_remote_address: true, ...LOOPBACK },
  'edge, ten internal': { use_remote_address: true, ...TEN },
  'edge, ten internal, 1 hop': { use_remote_address: true, xff_num_trusted_hops: 1, ...TEN },
  'edge, mapped': { use_remote_address: true, represent_ipv4_remote_address_as_ipv4_mapped_ipv6: true },
  'scheme https': { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
  'edge, scheme https': { use_remote_address: true, scheme_header_transformation: { scheme_to_overwrite: 'https' } },
};

const XFF = [
  '1.2.3.4',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.0.1',
  '127.0.0.1',
  '127.0.0.2',
  '169.254.1.1',
  '::1',
  'fd00::5',
  '2001:db8::1',
  '::ffff:10.1.2.3',
  '1.1.1.1,2.2.2.2',
  '1.1.1.1, 10.0.0.1,2.2.2.2 , 3.3.3.3',
  '10.0.0.1, 10.0.0.2',
  'unknown',
  'unknown, 10.0.0.1',
  '10.0.0.1, unknown',
  'unknown, 1.2.3.4, 5.6.7.8',
  '1.2.3.4:80',
  '[2001:db8::1]',
  '[2001:db8::1]:80',
  '',
  ',',
  '10.0.0.1,',
  ',10.0.0.1',
  '10.0.0.1,,10.0.0.2',
  '10.0.0.1, ',
  ' 10.0.0.1 ',
  '010.0.0.1',
  '10.1',
  '10.0.0.256',
  '10.0.0.1%eth0',
  'fe80::1%lo',
];
const OTHERS = [
  ['x-forwarded-for: 1.1.1.1', 'x-forwarded-for: 10.0.0.2'],
  ['x-forwarded-for: 10.0.0.1', 'x-forwarded-for:'],
  ['x-forwarded-for:', 'x-forwarded-for: 10.0.0.1'],
  ['x-forwarded-proto: https'],
  ['x-forwarded-proto: HTTPS'],
  ['x-forwarded-proto: http'],
  ['x-forwarded-proto: ftp'],
  ['x-forwarded-proto:'],
  ['x-forwarded-proto: https', 'x-forwarded-proto: http'],
  ['x-forwarded-proto: https', 'x-forwarded-for: 10.0.0.1'],
  ['x-forwarded-proto: https, http'],
  ['x-envoy-internal: true'],
  ['x-envoy-internal: false', 'x-forwarded-for: 10.0.0.1'],
  ['x-envoy-external-address: 9.9.9.9'],
  ['x-envoy-external-address: 9.9.9.9', 'x-forwarded-for: 8.8.8.8'],
  ['x-envoy-external-address: 9.9.9.9', 'x-forwarded-for: 10.0.0.1'],
  ['x-envoy-external-address: 9.9.9.9', 'x-envoy-external-address: 7.7.7.7'],
];
const REQUESTS = [[], ...XFF.map((value) => [`x-forwarded-for: ${value}`]), ...OTHERS];
const SHOWN = /^x-forwarded-(for|proto)$|^x-envoy-(internal|external-address)$/;

/** Manager, headers of the request, the upstream's headers of the same family, the client's address, the scheme. */
export type ForwardedRow = [manager: string, sent: string[], got: string[], remote: string, scheme: string];

export async function recordForwarded(t: Scope): Promise<ForwardedRow[]> {
  const envoy = await startEnvoy(t, { managers: MANAGERS });
  const cases = Object.keys(MANAGERS).flatMap((listener) => REQUESTS.map((headers) => ({ listener, headers })));
  const asked = await envoy.ask(
    cases.map(({ listener, headers }) => ({
      listener,
      bytes: ['GET / HTTP/1.1', 'host: example.test', ...headers, '', ''].join('\r\n'),
    })),
  );
  return cases.map(({ listener, headers }, i) => {
    const { upstream, remote, scheme, status } = asked[i];
    const got = upstream?.headers.filter(([name]) => SHOWN.test(name)).map(([name, value]) => `${name}: ${value}`);
    return [listener, headers, got ?? [String(status)], remote, scheme];
  });
}
