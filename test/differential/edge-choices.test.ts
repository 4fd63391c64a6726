/**
 * Choices that random configurations found: path parameters inside of paths, headers that are empty or missing, hosts that are rewritten to what
 * they were. Asked of real Envoy and of ours.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { echo } from '#testing/behaviours.ts';
import { answering, bootstrap, httpListener, type Json, staticCluster, virtualHost } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { both } from './attempted.ts';

const template = {
  name: 't',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
    path_template: '/t/{x}',
  },
};
const missing = (present: boolean) => ({ name: 'x-none', present_match: present, treat_missing_header_as_empty: true });
const share = { name: 'c', weight: 1, host_rewrite_literal: 'share.test' };
const to = (prefix: string, route: Json) => ({ match: { prefix }, route: { append_x_forwarded_host: true, ...route } });

const ROUTES: Json[] = [
  answering('template', { path_match_policy: template }),
  answering('regex', { safe_regex: { regex: '/a/b' } }),
  answering('exact', { path: '/p/b' }),
  answering('prefix', { prefix: '/q/b' }),
  answering('present', { prefix: '/present', headers: [missing(true)] }),
  answering('absent', { prefix: '/absent', headers: [missing(false)] }),
  to('/same', { cluster: 'c', host_rewrite_literal: 'a.test' }),
  to('/share', { weighted_clusters: { clusters: [share] } }),
  to('/both', { weighted_clusters: { clusters: [share] }, host_rewrite_literal: 'route.test' }),
  to('/r/b', { cluster: 'c', prefix_rewrite: '/z' }),
  { match: { prefix: '/i/b', case_sensitive: false }, route: { cluster: 'c', prefix_rewrite: '/z' } },
  { match: { prefix: '/m/b' }, redirect: { prefix_rewrite: '/z' } },
  answering('none', { prefix: '/' }),
];
const PATHS = [
  '/t/x;y',
  '/t;y/x',
  '/a;x=1/b?q',
  '/a/b;z',
  '/p;x/b',
  '/q;x/b/c',
  '/present',
  '/absent',
  '/same',
  '/share',
  '/both',
  ...['/r/b/c', '/r;x/b/c', '/I/B/c', '/I;x/B/c', '/m/b/c', '/m;x/b/c'],
];

async function answers(t: TestContext, kind: ProxyKind): Promise<Record<string, string>> {
  const upstream = await startUpstream(t, echo);
  const table = { name: 'r', ignore_path_parameters_in_path_matching: true, vhost_header: 'x-host' };
  const hosts = [
    virtualHost('a', ['a.test'], ROUTES),
    virtualHost('rest', ['*'], [answering('rest', { prefix: '/' })]),
  ];
  const manager = { route_config: { ...table, virtual_hosts: hosts } };
  const proxy = await startProxy(t, bootstrap([httpListener({ manager })], [staticCluster('c', [upstream.port])]), {
    kind,
  });
  const found: Record<string, string> = {};
  const ask = async (path: string, host: string) => {
    const wire = await proxy.connect();
    await wire.send(`GET ${path} HTTP/1.1\r\nhost: a.test\r\n${host}connection: close\r\n\r\n`);
    const response = await wire.response();
    const { status, body } = response;
    const sent = upstream.requests
      .splice(0)
      .map(({ head }) =>
        head.match(/^(GET|host|x-forwarded-host|x-envoy-original-host|x-envoy-original-path)[: ].*$/gim),
      );
    found[`${path} ${host.trim()}`] =
      `${status} ${sent.length > 0 ? sent.flat().sort().join(', ') : (response.header('location') ?? body)}`;
  };
  for (const path of PATHS) await ask(path, 'x-host: a.test\r\n');
  await ask('/a', 'x-host: \r\n');
  await ask('/a', '');
  return found;
}

test('paths with parameters, empty headers and hosts rewritten to the same are chosen and sent as by Envoy', async (t) => {
  const [envoy, ours] = await both(t, (kind) => answers(t, kind));
  assert.deepEqual(ours, envoy);
});
