import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { proxyConfig } from '#cli/commands/proxy-config.ts';
import type { Printed } from '#cli/printed.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const ADMIN = 'type.googleapis.com/envoy.admin.v3';

function dumpOf(t: TestContext, ...configs: unknown[]): string {
  const path = join(temporaryFolder(t), 'dump.json');
  writeFileSync(path, JSON.stringify({ configs }));
  return path;
}

function listeners(...all: object[]) {
  return { '@type': `${ADMIN}.ListenersConfigDump`, static_listeners: all.map((listener) => ({ listener })) };
}

function clusters(...all: object[]) {
  return { '@type': `${ADMIN}.ClustersConfigDump`, static_clusters: all.map((cluster) => ({ cluster })) };
}

async function run(...args: string[]): Promise<Printed> {
  return await proxyConfig(args, false);
}

const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

test('what istioctl refuses is refused in its words, with status 2', async (t) => {
  const file = dumpOf(t, listeners({ name: 'a', address: socket('::', 80) }));
  const refused: [args: string[], words: string][] = [
    [['listeners'], 'listener requires pod name or --file parameter, or --admin HOST:PORT'],
    [['clusters', '-f', file, '-o', 'xml'], 'output format "xml" not supported'],
    [['routes', '--nope'], 'unknown flag: --nope'],
    [['routes', '-z'], "unknown shorthand flag: 'z' in -z"],
    [['routes', '--file'], 'flag needs an argument: --file'],
    [['routes', '-f'], "flag needs an argument: 'f' in -f"],
    [
      ['listeners', '--port', 'x', '-f', file],
      'invalid argument "x" for "--port" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      ['listeners', '--verbose=7', '-f', file],
      'invalid argument "7" for "--verbose" flag: strconv.ParseBool: parsing "7": invalid syntax',
    ],
    [['listeners', '--waypoint', '-f', file], '--waypoint is not supported: waypoints of ambient meshes are not read'],
    [['listeners', 'web-0.default'], "pods are not asked by name yet ('web-0.default'): use --file or --admin"],
    [['listeners', '-f', '/no/such/file'], 'open /no/such/file: no such file or directory'],
    [['listeners', '--admin', 'nowhere'], "--admin 'nowhere' is not of the form HOST:PORT"],
    [['log', '--admin', 'localhost:1', '--level', 'debug', '--reset'], '--level cannot be combined with --reset'],
  ];
  for (const [args, words] of refused)
    assert.deepEqual(await run(...args), { status: 2, out: '', err: `Error: ${words}\n` }, args.join(' '));
});

test('what is not in the dump is told with status 1', async (t) => {
  const file = dumpOf(t, listeners());
  assert.deepEqual(await run('listeners', '-f', file), { status: 1, out: '', err: 'Error: no listeners found\n' });
  const { status, err } = await run('clusters', '-f', file);
  assert.equal(status, 1);
  assert.equal(err, `Error: config dump has no configuration type ${ADMIN}.ClustersConfigDump\n`);
});

test('all shows what is there and warns of what is not', async (t) => {
  const { status, out, err } = await run('all', '-f', dumpOf(t, clusters({ name: 'a' })));
  assert.equal(status, 1);
  assert.match(out, /^NAME +SERVICE FQDN +PORT .*\ncluster\/a +cluster\/a +- +- +- +STATIC +\n$/);
  assert.match(err, /^Warning: config dump has no configuration type .*ListenersConfigDump$/m);
});

test('files of other kinds are recognised', async (t) => {
  const folder = temporaryFolder(t);
  const refused = async (text: string, words: RegExp, command = 'listeners') => {
    const path = join(folder, 'file');
    writeFileSync(path, text);
    const { status, err } = await run(command, '-f', path);
    assert.equal(status, 2);
    assert.match(err, words);
  };
  await refused('', /it is empty/);
  await refused('static_resources: {}', /it is no JSON/);
  await refused('{"configs": [}', /bad JSON/);
  await refused('{"configs": [1\n2]}', /bad JSON \(line 2 column 1\)/);
  await refused('{"configs": [', /cut short/);
  await refused('[]', /it has no list 'configs'/);
  await refused('{"static_resources": {}}', /this is a bootstrap/);
  await refused('{"cluster_statuses": []}', /only the endpoints command reads/);
  await refused('{"a": 1}', /it has no list 'cluster_statuses'/, 'endpoints');
});

test('what is nested without end is refused', async (t) => {
  const path = join(temporaryFolder(t), 'deep.json');
  const deep = `${'{"metadata":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  writeFileSync(path, `{"configs":[{"@type":"${ADMIN}.ClustersConfigDump","static_clusters":[{"cluster":${deep}}]}]}`);
  assert.equal((await run('clusters', '-f', path)).status, 0);
  assert.deepEqual(await run('clusters', '-f', path, '-o', 'json'), {
    status: 2,
    out: '',
    err: 'Error: the input is nested too deep\n',
  });
});

test('what was not understood is named, and the rest shown', async (t) => {
  const file = dumpOf(
    t,
    { '@type': 'type.googleapis.com/envoy.admin.v4.NewConfigDump' },
    listeners({ name: 'a', address: socket('0.0.0.0', 80), filter_chains: 'none' }, 7 as never),
    clusters({ name: 'c', type: 'EDS', field_of_tomorrow: { x: 1 }, lb_policy: 'BEST' }),
  );
  const table = await run('listeners', '-f', file);
  assert.equal(table.status, 0);
  assert.equal(table.out, 'ADDRESSES PORT MATCH DESTINATION\n');
  assert.match(table.err, /^Warning: section type.googleapis.com\/envoy.admin.v4.NewConfigDump is not known$/m);
  assert.match(table.err, /^Warning: static_listeners: listener is a number, expected an object$/m);
  assert.match(table.err, /^Warning: listener 'a': filter_chains is text, expected a list$/m);

  const json = await run('clusters', '-f', file, '-o', 'json');
  assert.deepEqual(JSON.parse(json.out), [{ name: 'c', type: 'EDS', lbPolicy: 'BEST', field_of_tomorrow: { x: 1 } }]);
  assert.match(json.err, /^Warning: Cluster 'c': no field 'field_of_tomorrow' in envoy.config.cluster.v3.Cluster$/m);
  assert.match(json.err, /^Warning: Cluster 'c': no value 'BEST' in envoy.config.cluster.v3.Cluster.LbPolicy$/m);
});

test('a terminal obeys nothing that stands in a dump', async (t) => {
  const file = dumpOf(t, clusters({ name: '\x1b[31mred\u202e', type: 'EDS' }));
  const { out } = await run('clusters', '-f', file);
  assert.match(out, /^\\x1b\[31mred\\u202e +- /m);
  for (const form of ['json', 'yaml'])
    assert.doesNotMatch((await run('clusters', '-f', file, '-o', form)).out, /[\p{Cf}]|(?!\n)\p{Cc}/u);
});

test('more than one address, ranges and names are shown as istioctl shows them', async (t) => {
  const chain = (filter_chain_match: object, name: string, typed_config: object) => ({
    filter_chain_match,
    filters: [{ name: `envoy.filters.network.${name}`, typed_config }],
  });
  const match = { path_separated_prefix: '/api' };
  const file = dumpOf(
    t,
    listeners({
      name: 'a',
      address: socket('10.0.0.1', 443),
      additional_addresses: [{ address: socket('fd00::1', 443) }],
      filter_chains: [
        chain({ server_names: ['a.test', 'b.test'], transport_protocol: 'tls' }, 'tcp_proxy', { cluster: 'c' }),
        chain({ prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }], destination_port: 81 }, 'x', {}),
        chain({ application_protocols: ['http/1.0', 'http/1.1', 'h2c'] }, 'http_connection_manager', {
          route_config: { virtual_hosts: [{ domains: ['a', 'b'], routes: [{ match }, { match: { path: '/x' } }] }] },
        }),
      ],
      default_filter_chain: chain({}, 'tcp_proxy', { cluster: 'BlackHoleCluster' }),
    }),
  );
  const { out } = await run('l', '--file', file);
  assert.equal(
    out,
    `ADDRESSES        PORT MATCH                          DESTINATION
10.0.0.1,fd00::1 443  Addr: 10.0.0.0/8:81            Non-HTTP/Non-TCP
10.0.0.1,fd00::1 443  ALL                            Non-HTTP/Non-TCP
10.0.0.1,fd00::1 443  App: HTTP                      Inline Route: a/b PathPrefix:/api, /x
10.0.0.1,fd00::1 443  SNI: a.test,b.test; Trans: tls Cluster: c
`,
  );
  assert.equal(
    (await run('listeners', '-f', file, '--address', 'FD00::1', '--verbose=false')).out.split('\n').length,
    3,
  );
});

test('dumps of single resources are read as well', async (t) => {
  const entry = { '@type': `${ADMIN}.ClustersConfigDump.DynamicCluster`, cluster: { name: 'x', type: 'EDS' } };
  assert.match((await run('clusters', '-f', dumpOf(t, entry))).out, /^x +- +- +- +EDS/m);
});

test('endpoints of a config dump are those of discovery', async (t) => {
  const assignment = {
    cluster_name: 'c',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('10.0.0.1', 80) }, health_status: 'DRAINING' }] }],
  };
  const file = dumpOf(t, {
    '@type': `${ADMIN}.EndpointsConfigDump`,
    dynamic_endpoint_configs: [{ endpoint_config: assignment }],
  });
  assert.match((await run('endpoints', '-f', file)).out, /^10\.0\.0\.1:80 +DRAINING +c$/m);
});

test('hosts may be sockets of the file system and internal listeners', async (t) => {
  const path = join(temporaryFolder(t), 'clusters.json');
  const addresses = [
    { pipe: { path: '/run/x' } },
    { envoy_internal_address: { server_listener_name: 'l', endpoint_id: 'e' } },
  ];
  const status = { name: 'c', host_statuses: addresses.map((address) => ({ address })) };
  writeFileSync(path, JSON.stringify({ cluster_statuses: [status] }));
  const { out } = await run('endpoints', '-f', path);
  assert.match(out, /^envoy:\/\/l\/e +UNKNOWN +OK +c\nunix:\/\/\/run\/x +UNKNOWN +OK +c$/m);
});
