/**
 * What the recorder costs requests that nobody explains: the selection as it is, called without a recorder, against the same sources with
 * every line that tells a recorder taken out. Each runs in processes of its own, by turns, for two variants in one process
 * disturb each other more than the recorder does; the best turns are compared.
 *
 *   tools/node bench/micro/recorder-off.ts
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '#base/entry.ts';
import type { Route, RouteAction, RouteTable } from '#config/model/route.ts';
import { ExplainedHeaders } from '#explain/explained-headers.ts';
import type { RequestView } from '#selection/request-view.ts';

const MODULES = ['compile-route-table', 'select-virtual-host', 'select-route', 'choose-cluster'] as const;
const RUNS = 6;
const TURNS = 3_000;
const WARM_UP = 500;
const REQUESTS_A_TURN = 2_000;

type Selection = typeof import('#selection/compile-route-table.ts') &
  typeof import('#selection/select-virtual-host.ts') &
  typeof import('#selection/select-route.ts') &
  typeof import('#selection/choose-cluster.ts');

/** `if (recorder !== undefined) ...` with its statement, and the `else` of one. */
const TELLING =
  /^ *(?:else )?if \(recorder !== undefined\)(?: \{[^}]*\}|\s[^;]*;)(?:\s*else recorder\.lost\([^;]*;)?\n/gm;

const folder = join(packageRoot, '.cache/bench-recorder');
const [variant] = process.argv.slice(2);
if (variant === undefined) compare();
else process.stdout.write(String(await measure(variant)));

/** Runs each variant in turn, and prints how they compare. */
function compare(): void {
  withoutRecorder();
  try {
    const variants = [join(packageRoot, 'src/selection'), folder];
    const best = [Infinity, Infinity];
    for (let run = 0; run < RUNS; run++) {
      for (const [i, path] of variants.entries()) {
        const { stdout } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, path], {
          encoding: 'utf8',
        });
        best[i] = Math.min(best[i], Number(stdout));
      }
    }
    const [usual, silent] = best;
    console.log(
      `a selection takes ${usual.toFixed(1)} ns without a recorder, ${silent.toFixed(1)} ns where there is none`,
    );
    console.log(`ratio ${(usual / silent).toFixed(3)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns nanoseconds for one selection by the sources at that path. */
async function measure(path: string): Promise<number> {
  const turn = runner(await selectionAt(path));
  const times = Array.from({ length: TURNS }, turn).slice(WARM_UP);
  return (quick(times) / REQUESTS_A_TURN) * 1e6;
}

/** The time of an undisturbed turn: a tenth of all were quicker. */
function quick(times: number[]): number {
  return times.sort((x, y) => x - y)[Math.floor(times.length / 10)];
}

async function selectionAt(path: string): Promise<Selection> {
  const modules = await Promise.all(MODULES.map((name) => import(pathToFileURL(join(path, `${name}.ts`)).href)));
  return Object.assign({}, ...modules);
}

/** Writes a copy of the selection that tells nobody anything. */
function withoutRecorder(): void {
  const source = join(packageRoot, 'src/selection');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(source, folder, { recursive: true });
  let taken = 0;
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.ts')) continue;
    const text = readFileSync(join(folder, name), 'utf8').replaceAll('#selection/', './');
    const silent = (MODULES as readonly string[]).includes(name.slice(0, -3)) ? text.replace(TELLING, '') : text;
    taken += text.match(TELLING)?.length ?? 0;
    writeFileSync(join(folder, name), silent);
    if (silent !== text && silent.includes('recorder !== undefined')) throw new Error(`${name}: not all was taken out`);
  }
  if (taken < 8)
    throw new Error(`only ${taken} places tell a recorder: the expression does not fit the sources any more`);
}

/** @returns what runs one turn and says how long it took. */
function runner(selection: Selection): () => number {
  const table = selection.compileRouteTable(routeTable());
  const requests = Array.from({ length: 16 }, (_, i) => request(i));
  let sink = 0;
  return () => {
    const start = performance.now();
    for (let i = 0; i < REQUESTS_A_TURN; i++) {
      const one = requests[i & 15];
      const host = selection.selectVirtualHost(table, selection.hostForMatching(table, one));
      const route = host === undefined ? undefined : selection.selectRoute(host, one);
      if (route !== undefined)
        sink += selection.chooseCluster(route.config.action as RouteAction, one, i, table.values).name.length;
    }
    if (sink < 0) throw new Error('nothing was chosen');
    return performance.now() - start;
  };
}

/** Twenty virtual hosts of eight routes, one with a header. */
function routeTable(): RouteTable {
  const none = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };
  const levels = { headers: none, requestMirrorPolicies: [], perFilterConfig: {}, metadata: {} };
  const route = (i: number) =>
    ({
      name: `r${i}`,
      match: {
        path: { kind: 'prefix', value: i === 7 ? '/' : `/part${i}` },
        caseSensitive: true,
        headers:
          i === 3
            ? [
                {
                  name: 'x-user',
                  match: { kind: 'string', matcher: { kind: 'exact', value: 'a', ignoreCase: false } },
                  invert: false,
                  treatMissingAsEmpty: false,
                },
              ]
            : [],
        queryParameters: [],
        cookies: [],
        grpc: false,
        dynamicMetadata: [],
        filterState: [],
      },
      action: { kind: 'route', cluster: { kind: 'cluster', name: `c${i}` }, prefixRewrite: '', hashPolicy: [] },
      ...levels,
      statPrefix: '',
    }) as unknown as Route;
  const virtualHosts = Array.from({ length: 20 }, (_, i) => ({
    name: `v${i}`,
    domains: [`v${i}.test`, `*.v${i}.test`],
    routes: Array.from({ length: 8 }, (_, k) => route(k)),
    requireTls: 'NONE',
    virtualClusters: [],
    includeRequestAttemptCount: false,
    includeAttemptCountInResponse: false,
    includeIsTimeoutRetryHeader: false,
    ...levels,
  }));
  return {
    name: 'r',
    virtualHosts,
    internalOnlyHeaders: [],
    mostSpecificHeaderMutationsWins: false,
    maxDirectResponseBodySizeBytes: 4096,
    ignorePortInHostMatching: false,
    ignorePathParametersInPathMatching: false,
    vhostHeader: '',
    ...levels,
  } as RouteTable;
}

function request(i: number): RequestView {
  return {
    method: 'GET',
    path: `/part${i % 8}/x?q=${i}`,
    host: i % 4 === 0 ? `sub.v${i}.test` : `v${i}.test`,
    scheme: 'http',
    headers: new ExplainedHeaders([['x-user', i % 3 === 0 ? 'a' : 'b']]),
    connection: {
      destinationAddress: '127.0.0.1',
      destinationPort: 80,
      sourceAddress: '127.0.0.1',
      sourcePort: 1,
      directSourceAddress: '127.0.0.1',
      serverName: '',
      transportProtocol: 'raw_buffer',
      applicationProtocols: [],
    },
    random: i,
  };
}
