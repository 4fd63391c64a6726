import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DumpReader, type JsonObject } from '#dump/dump-reader.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import { externalAuthorization } from '#explain/policies/external-authorization.ts';
import { fault } from '#explain/policies/fault.ts';
import type { Policy } from '#explain/policies/judge.ts';
import { jwtAuthentication } from '#explain/policies/jwt-authentication.ts';
import { localRateLimit } from '#explain/policies/rate-limit.ts';
import { RequestUnderWay } from '#explain/request-under-way.ts';

function says(policy: Policy, config: JsonObject, query: Partial<ExplainQuery> = {}) {
  const request = new RequestUnderWay({ url: 'http://a.test/x', method: 'GET', headers: [], alpn: [], ...query });
  return policy(config, request, new DumpReader(), []).map(({ outcome, why, response }) => [
    outcome,
    why,
    ...(response === undefined ? [] : [response.status]),
  ]);
}

test('a fault that every request gets is its answer, one of a share may be', () => {
  const abort = (numerator: number) => ({ abort: { http_status: 503, percentage: { numerator } } });
  assert.deepEqual(says(fault, abort(100)), [['denies', 'answers every request with status 503', 503]]);
  assert.deepEqual(says(fault, abort(5)), [['depends', 'answers 5 % of the requests with status 503']]);
  assert.deepEqual(says(fault, abort(0)), [['notes', 'answers 0 % of the requests with status 503']]);
  const delay = { fixed_delay: '2s', percentage: { numerator: 500_000, denominator: 'MILLION' } };
  assert.deepEqual(says(fault, { delay }), [['notes', 'delays 50 % of the requests by 2s']]);
  const headers = [{ name: 'x-a', string_match: { exact: 'b' } }];
  assert.deepEqual(says(fault, { headers, ...abort(100) }), []);
  assert.equal(says(fault, { headers, ...abort(100) }, { headers: [['x-a', 'b']] }).length, 1);
  assert.deepEqual(says(fault, {}), []);
});

test('a token is required where the first rule that matches says so', () => {
  const config = {
    providers: {
      p: { issuer: 'i' },
      q: { from_headers: [{ name: 'X-Token', value_prefix: 'T ' }], from_params: ['tok'] },
    },
    rules: [
      { match: { prefix: '/open' } },
      { match: { path: '/q' }, requires: { provider_name: 'q' } },
      {
        match: { prefix: '/maybe' },
        requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing: {} }] } },
      },
      { match: { prefix: '/' }, requires: { provider_name: 'p' } },
    ],
  };
  const of = (path: string, headers: [string, string][] = []) =>
    says(jwtAuthentication, config, { url: `http://a.test${path}`, headers })[0];
  assert.equal(of('/open'), undefined);
  assert.deepEqual(of('/x'), ['denies', 'requires a token of p (issuer i); the request has no token of p', 401]);
  assert.equal(of('/x', [['authorization', 'Bearer a.b.c']])[0], 'depends');
  assert.equal(of('/x?access_token=a')[0], 'depends');
  assert.equal(of('/q')[0], 'denies');
  assert.equal(of('/q', [['x-token', 'T abc']])[0], 'depends');
  assert.equal(of('/q?tok=1')[0], 'depends');
  assert.deepEqual(of('/maybe'), [
    'allows',
    'requires (a token of p (issuer i) or no token, or a good one); the request needs none',
  ]);
});

test('who is asked besides is named, with what happens when they fail', () => {
  const grpc_service = { envoy_grpc: { cluster_name: 'authz' } };
  assert.deepEqual(says(externalAuthorization, { grpc_service }), [['depends', 'asks authz; refuses when it fails']]);
  const only = { filter_enabled_metadata: { filter: 'envoy.filters.http.rbac' } };
  assert.deepEqual(says(externalAuthorization, { grpc_service, ...only }), []);
  const token_bucket = { max_tokens: 10, tokens_per_fill: 5, fill_interval: '60s' };
  assert.deepEqual(says(localRateLimit, { token_bucket }), [
    ['depends', 'lets 10 requests through, and 5 more every 60s'],
  ]);
});
