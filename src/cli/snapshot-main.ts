/**
 * The `fairlead` program as a startup snapshot of Node: a heap in which everything is loaded that `proxy` and `explain` need, with the
 * types that bootstraps are made of. tools/build-snapshot.ts makes it, bin/fairlead starts it.
 * Follows https://nodejs.org/api/v8.html#startup-snapshot-api
 *
 * What a module reads of its process (arguments, environment, clocks, host name) while it loads is that of the build: such reads belong
 * into functions.
 */
import { dirname, join } from 'node:path';
import { startupSnapshot } from 'node:v8';
import { sourceOf } from '#api/source.ts';
import { parseProxyOptions } from '#cli/proxy-options.ts';
import { runProgram } from '#cli/run-program.ts';
import { mapSnapshotPages } from '#cli/snapshot-pages.ts';
import { loadBootstrap } from '#config/load.ts';
import '#cli/commands/explain.ts';
import '#cli/commands/proxy.ts';
import '#cli/explain-dump.ts';
import '#explain/dump/dump-configuration.ts';
import '#explain/explain.ts';
import '#explain/render-explanation.ts';
import { extensionReaders } from '#proxy/extensions.ts';
import '#proxy/server.ts';
import { clock } from '#proxy/transport/io-event.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';

/** A bootstrap of the most common parts: what reads it is compiled, and its types are built, before anybody waits for it. */
const COMMON = {
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } },
  static_resources: {
    listeners: [
      {
        name: 'l',
        address: { socket_address: { address: '0.0.0.0', port_value: 2 } },
        filter_chains: [
          {
            filters: [
              {
                name: 'h',
                typed_config: {
                  '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                  stat_prefix: 'h',
                  access_log: [
                    { name: 'a', typed_config: { '@type': `${TYPE}.access_loggers.stream.v3.StdoutAccessLog` } },
                  ],
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'v',
                        domains: ['*'],
                        routes: [
                          { match: { prefix: '/a' }, route: { cluster: 'c', timeout: '1s' } },
                          { match: { path: '/b' }, redirect: { path_redirect: '/' } },
                          { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'a' } } },
                        ],
                      },
                    ],
                  },
                  http_filters: [{ name: 'r', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'c',
        type: 'STATIC',
        connect_timeout: '1s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
            explicit_http_config: { http_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'c',
          endpoints: [
            { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 3 } } } }] },
          ],
        },
      },
    ],
  },
};

for (const format of ['json', 'yaml'] as const) {
  loadBootstrap([sourceOf(JSON.stringify(COMMON), '', format)], {
    allowUnknownStaticFields: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    extensions: extensionReaders(),
    files: () => Buffer.alloc(0),
  });
}

startupSnapshot.setDeserializeMainFunction(() => {
  const args = process.argv.slice(2);
  if (needsThreads(args)) startFromFiles();
  clock.restart();
  if (args[0] === 'proxy') mapSnapshotPages(join(dirname(process.argv[1]), 'fairlead.blob.pages'));
  void runProgram(args);
});

/** Node 26 cannot load `node:net` in a thread of a process that started from a snapshot: it ends itself with a failed assertion. */
function needsThreads([name, ...args]: string[]): boolean {
  if (name !== 'proxy') return false;
  const parsed = parseProxyOptions(args);
  return parsed.kind === 'run' && parsed.options.mode !== 'validate' && parsed.options.concurrency > 1;
}

/** The same command line in the same process, without the snapshot and what bin/fairlead sets for a single thread. Costs 50 ms. */
function startFromFiles(): void {
  const flags = process.execArgv.filter((flag) => flag !== '--v8-pool-size=1');
  flags.splice(flags.indexOf('--snapshot-blob'), 2);
  const { MALLOC_ARENA_MAX: _, ...environment } = process.env;
  process.execve?.(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], environment);
}
