/** Replies that the proxy makes itself, changed by `local_reply_config`. Follows configuration/http/http_conn_man/local_reply. */
import { test } from 'node:test';
import { answer, byPath, resetBeforeAnswer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const status = (op: string, value: number): Json => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'none' } } },
});
const flag = (...flags: string[]): Json => ({ response_flag_filter: { flags } });
const header = (name: string, more: Json = { present_match: true }): Json => ({
  header_filter: { header: { name, ...more } },
});

const REPLIES: Record<string, Json> = {
  'status changed': { mappers: [{ filter: status('EQ', 404), status_code: 410 }] },
  'body changed': { mappers: [{ filter: status('GE', 500), body: { inline_string: 'ours instead' } }] },
  'body in a format': {
    mappers: [
      {
        filter: flag('UF', 'UC'),
        body_format_override: {
          text_format_source: {
            inline_string: '%RESPONSE_CODE% %RESPONSE_FLAGS%: %LOCAL_REPLY_BODY% at %REQ(:path)%\n',
          },
          content_type: 'text/html',
        },
      },
    ],
    body_format: {
      json_format: {
        code: '%RESPONSE_CODE%',
        text: '%LOCAL_REPLY_BODY%',
        flags: '%RESPONSE_FLAGS%',
        none: '%REQ(x-none)%',
        path: '%REQ(:path)%',
      },
    },
  },
  'headers added': {
    mappers: [
      {
        filter: header('x-mark'),
        headers_to_add: [
          { header: { key: 'x-local', value: '%RESPONSE_CODE_DETAILS%' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
          { header: { key: 'server', value: 'twice' } },
        ],
      },
    ],
  },
  'first that matches': {
    mappers: [
      { filter: { and_filter: { filters: [status('EQ', 404), header('x-mark')] } }, status_code: 411 },
      { filter: { or_filter: { filters: [status('EQ', 404), status('EQ', 503)] } }, status_code: 412 },
    ],
  },
  'json, typed': {
    body_format: {
      json_format: { code: '%RESPONSE_CODE%', nested: { list: ['%PROTOCOL%', 'x'] }, text: 'code is %RESPONSE_CODE%' },
      content_type: 'application/problem+json',
    },
  },
  'no content type': { body_format: { text_format_source: { inline_string: '%LOCAL_REPLY_BODY%' }, content_type: '' } },
};

const REQUESTS: Record<string, string> = {
  'no route': get('/none'),
  'no route, marked': get('/none', 'x-mark: 1'),
  'direct response': get('/direct'),
  'direct response of 503': get('/direct-503', 'x-mark: 1'),
  redirect: get('/redirect', 'x-mark: 1'),
  'connection refused': get('/refused'),
  'connection refused, HEAD': request('HEAD /refused HTTP/1.1'),
  'upstream resets': get('/reset', 'x-mark: 1'),
  'upstream answers 503': get('/up-503'),
  'no cluster': get('/no-cluster'),
  'bad request': request('GET / HTTP/1.1', []),
  'too old': request('GET / HTTP/1.0'),
  gRPC: post('/refused', '', 'content-type: application/grpc'),
};

const routes: Json[] = [
  { match: { prefix: '/direct-503' }, direct_response: { status: 503, body: { inline_string: 'direct 503' } } },
  { match: { prefix: '/direct' }, direct_response: { status: 404, body: { inline_string: 'direct' } } },
  { match: { prefix: '/redirect' }, redirect: { path_redirect: '/' } },
  { match: { prefix: '/refused' }, route: { cluster: 'refused' } },
  { match: { prefix: '/no-cluster' }, route: { cluster: 'nowhere' } },
  { match: { prefix: '/reset' }, route: { cluster: 'c' } },
  { match: { prefix: '/up' }, route: { cluster: 'c' } },
];

test('a local reply is mapped as Envoy maps it', async (t) => {
  const listeners = Object.entries({ plain: undefined, ...REPLIES }).map(([name, local_reply_config]) =>
    httpListener({
      name,
      manager: {
        ...routeConfig(routes, {}, { validate_clusters: false }),
        ...(local_reply_config ? { local_reply_config } : {}),
      },
    }),
  );
  const cases: Case[] = ['plain', ...Object.keys(REPLIES)].flatMap((listener) =>
    Object.entries(REQUESTS).map(([name, send]) => ({ name: `${listener}: ${name}`, listener, send })),
  );
  await compare(t, {
    upstreams: {
      c: byPath({ '/reset': resetBeforeAnswer, '/up-503': answer({ status: 503, body: 'from upstream' }) }),
    },
    bootstrap: ({ c }) => bootstrap(listeners, [staticCluster('c', [c]), staticCluster('refused', [1])]),
    cases,
  });
});
