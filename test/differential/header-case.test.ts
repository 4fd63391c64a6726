/** How header names are spelled, by what listener and cluster say of it. Envoy's header_casing page. */
import { test } from 'node:test';
import { byPath, echo, raw } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster, typed } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

const FORMATS: Record<string, Json> = {
  lower: {},
  proper: { header_key_format: { proper_case_words: {} } },
  kept: {
    header_key_format: {
      stateful_formatter: {
        name: 'preserve_case',
        typed_config: typed('extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig'),
      },
    },
  },
};
const names = Object.keys(FORMATS);

const spelled = 'HTTP/1.1 200 OK\r\nX-From-UPSTREAM: 1\r\nContent-LENGTH: 0\r\nx-plain: 2\r\n\r\n';
const REQUESTS: Record<string, string> = {
  'a request': get('/echo', 'X-MiXeD: 1', 'x-plain: 2'),
  'a response': get('/spelled', 'X-MiXeD: 1'),
  'a response of our own': get('/none'),
  'a host spelled otherwise': 'GET /echo HTTP/1.1\r\nHOST: a\r\nAccept: b\r\n\r\n',
};

const cases: Case[] = names.flatMap((listener) =>
  names.flatMap((cluster) =>
    Object.entries(REQUESTS).map(([name, send]) => ({
      name: `${listener} to ${cluster}: ${name}`,
      listener: `${listener} to ${cluster}`,
      probe: false,
      send,
    })),
  ),
);

test('header names are spelled as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: byPath({ '/echo': echo, '/spelled': raw(spelled) }) },
    bootstrap: ({ c }) =>
      bootstrap(
        names.flatMap((listener) =>
          names.map((cluster) =>
            httpListener({
              name: `${listener} to ${cluster}`,
              manager: {
                http_protocol_options: FORMATS[listener],
                ...routeConfig([routeTo('/echo', cluster), routeTo('/spelled', cluster)]),
              },
            }),
          ),
        ),
        names.map((name) =>
          staticCluster(name, [c], {
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
                'extensions.upstreams.http.v3.HttpProtocolOptions',
                { explicit_http_config: { http_protocol_options: FORMATS[name] } },
              ),
            },
          }),
        ),
      ),
    cases,
  });
});
