/** Random requests that random-routes.ts matches, or nearly. */
import type { Random } from './random.ts';
import { CLUSTERS, HEADER_NAMES } from './random-routes.ts';

export interface RandomRequest {
  method: string;
  path: string;
  headers: [string, string][];
  source: string;
}

const HOSTS = [
  'a.test',
  'A.test',
  'b.a.test',
  'x.a.test',
  'q.test',
  'a.test:81',
  'a.test:82',
  'b.b',
  'c',
  'zz',
  'a.test.',
];
const PATHS = [
  '/',
  '/a',
  '/a/b',
  '/A',
  '/a//b',
  '/b',
  '/a/',
  '/ab',
  '/a/b/c',
  '/b/../a',
  '/a%2Fb',
  '/%61',
  '/a;x=1/b',
  '/a/%zz',
];
const QUERIES = ['', '', '?', '?q=1', '?q=1&r=2', '?r=/a', '?q'];
const VALUES = ['', '1', '7', 'jason', 'JASON', 'a,b', '-3', 'x y'];

export function randomRequest(random: Random): RandomRequest {
  const headers: [string, string][] = [['host', random.pick(HOSTS)]];
  for (const name of HEADER_NAMES) if (random.chance(60)) headers.push([name, random.pick(VALUES)]);
  if (random.chance(20)) headers.push(['x-a', random.pick(VALUES)]);
  if (random.chance(30)) headers.push(['cookie', random.pick(['k=1', 'k=jason; l=2', 'l=2', 'k="1"'])]);
  if (random.chance(20))
    headers.push(['x-forwarded-for', random.pick(['10.0.0.1', '127.0.0.9', '1.2.3.4, 127.0.0.9', 'nonsense'])]);
  if (random.chance(20)) headers.push(['x-forwarded-proto', random.pick(['http', 'https'])]);
  if (random.chance(10)) headers.push(['content-type', random.pick(['application/grpc', 'application/json'])]);
  if (random.chance(10)) headers.push(['x_under', '1']);
  if (random.chance(10)) headers.push(['te', random.pick(['trailers', 'gzip', 'gzip, trailers;q=1'])]);
  if (random.chance(10)) headers.push(['x-request-id', 'mine']);
  if (random.chance(10)) headers.push(['x-envoy-upstream-rq-timeout-ms', '4000']);
  if (random.chance(10)) headers.push(['x-envoy-retry-on', '5xx'], ['x-envoy-max-retries', '3']);
  if (random.chance(10)) headers.push(['x-target', random.pick([...CLUSTERS, 'nowhere'])]);
  if (random.chance(10)) headers.push(['connection', random.pick(['x-a', 'keep-alive', 'keep-alive, x-b'])]);
  if (random.chance(5)) headers.push(['x-forwarded-for', '10.0.0.7'], ['cookie', 'm=1']);
  if (random.chance(10)) headers.push(['x-request-id', '7ab1e2f0-0000-9000-8000-00000000000a']);
  return {
    method: random.pick(['GET', 'GET', 'GET', 'DELETE', 'OPTIONS']),
    path: random.pick(PATHS) + random.pick(QUERIES),
    headers,
    source: random.pick(['127.0.0.1', '127.0.0.2']),
  };
}
