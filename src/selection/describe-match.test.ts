import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRouteTable } from '#config/read/route-table.ts';
import { describeMatch } from '#selection/describe-match.ts';
import { readMessage } from '#testing/read-message.ts';

function described(match: object): string {
  const table = {
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, direct_response: { status: 200 } }] }],
  };
  const { value, errors } = readMessage('envoy.config.route.v3.RouteConfiguration', table, readRouteTable);
  assert.deepEqual(errors, []);
  return value === undefined ? '' : describeMatch(value.virtualHosts[0].routes[0].match);
}

test('a route is told by its path, and by everything else that it asks for', () => {
  assert.equal(described({ prefix: '/a' }), 'prefix /a');
  const headers = [
    { name: 'x-user', string_match: { exact: 'jason' } },
    { name: 'x-off', present_match: true, invert_match: true },
    { name: ':method', string_match: { prefix: 'to be P' }, invert_match: true },
  ];
  assert.equal(
    described({ path: '/a', grpc: {}, headers, query_parameters: [{ name: 'page', present_match: true }] }),
    'path /a, grpc, header x-user exact "jason", header x-off absent, header :method not prefix "to be P", query parameter page',
  );
  assert.equal(
    described({
      prefix: '/',
      cookies: [{ name: 'session', string_match: { exact: 'a' } }],
      tls_context: { presented: true },
      runtime_fraction: { default_value: { numerator: 1 } },
    }),
    'prefix /, runtime fraction, cookie session, client certificate',
  );
});
