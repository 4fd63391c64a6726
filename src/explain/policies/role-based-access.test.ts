import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode } from '#api/decode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { readRbac } from '#config/read/rbac.ts';
import { DumpReader, type JsonObject } from '#dump/dump-reader.ts';
import type { RBAC } from '#envoy/config/rbac/v3/rbac_pb.js';
import type { ExplainQuery } from '#explain/explain-query.ts';
import { roleBasedAccess } from '#explain/policies/role-based-access.ts';
import { RequestUnderWay } from '#explain/request-under-way.ts';
import { compileRbac } from '#selection/rbac/rbac-engine.ts';

function requestOf(query: Partial<ExplainQuery>): RequestUnderWay {
  return new RequestUnderWay({ url: 'http://a.test/x', method: 'GET', headers: [], alpn: [], ...query });
}

const none = () => assert.fail('there are neither matchers nor conditions');

/** What the engine decides that the proxy runs. */
function decided(rules: JsonObject, request: RequestUnderWay): boolean {
  const problems = new Problems();
  const at = rootPlace(undefined, problems);
  const message = decode<RBAC>(messageType('envoy.config.rbac.v3.RBAC'), rules, at);
  const read = readRbac({ message, at }, { message: undefined, at }, { inputs: {} as never });
  problems.throwIfAny();
  assert.ok(read !== undefined);
  const { connection, client, headers, method, path, host, scheme } = request;
  const peer =
    request.peer === undefined
      ? undefined
      : { uriSans: [request.peer], dnsSans: [], emailSans: [], ipSans: [], subject: '' };
  const tls = connection.tls && { ...connection.tls, ...(peer === undefined ? {} : { peer }) };
  const view = { connection: { ...connection, tls }, remoteIp: client, headers, method, path, host, scheme };
  return compileRbac(read, { input: none, condition: none })(view as never).allowed;
}

const string = fc.oneof(
  fc.constantFrom('/x', '/x/y', 'GET', 'a.test', 'spiffe://m/ns/a/sa/b', '').map((exact) => ({ exact })),
  fc.constantFrom('/', '/x/', 'spiffe://m/').map((prefix) => ({ prefix, ignore_case: true })),
  fc.constantFrom('y', '/sa/b').map((suffix) => ({ suffix })),
  fc.constantFrom('.*', '/x.*', '.+/ns/a/.*').map((regex) => ({ safe_regex: { regex } })),
);
const range = fc.constantFrom(
  { address_prefix: '10.0.0.0', prefix_len: 8 },
  { address_prefix: '127.0.0.1', prefix_len: 32 },
);
const header = fc.record({ name: fc.constantFrom('x-a', ':method', ':path', ':authority'), string_match: string });

const permission = fc.letrec<{ rule: JsonObject }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'small' },
    fc.constant({ any: true }),
    header.map((each) => ({ header: each })),
    string.map((path) => ({ url_path: { path } })),
    range.map((destination_ip) => ({ destination_ip })),
    fc.constantFrom(80, 81).map((destination_port) => ({ destination_port })),
    fc.constantFrom(80, 81).map((end) => ({ destination_port_range: { start: 1, end } })),
    string.map((requested_server_name) => ({ requested_server_name })),
    fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((rules) => ({ and_rules: { rules } })),
    fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((rules) => ({ or_rules: { rules } })),
    tie('rule').map((not_rule) => ({ not_rule })),
  ),
})).rule;
const principal = fc.letrec<{ id: JsonObject }>((tie) => ({
  id: fc.oneof(
    { depthSize: 'small' },
    fc.constant({ any: true }),
    string.map((principal_name) => ({ authenticated: { principal_name } })),
    fc.constant({ authenticated: {} }),
    range.map((direct_remote_ip) => ({ direct_remote_ip })),
    range.map((remote_ip) => ({ remote_ip })),
    header.map((each) => ({ header: each })),
    fc.array(tie('id'), { minLength: 1, maxLength: 3 }).map((ids) => ({ and_ids: { ids } })),
    fc.array(tie('id'), { minLength: 1, maxLength: 3 }).map((ids) => ({ or_ids: { ids } })),
    tie('id').map((not_id) => ({ not_id })),
  ),
})).id;
const policy = fc.record({
  permissions: fc.array(permission, { minLength: 1, maxLength: 2 }),
  principals: fc.array(principal, { minLength: 1, maxLength: 2 }),
});
const rules = fc.record({
  action: fc.constantFrom('ALLOW', 'DENY'),
  policies: fc.dictionary(fc.constantFrom('a', 'b', 'c'), policy),
});
const query = fc.record({
  url: fc.constantFrom('http://a.test/x', 'http://10.0.0.1:81/x/y?q', 'https://b.test:81/'),
  method: fc.constantFrom('GET', 'POST'),
  headers: fc.constantFrom<[string, string][]>([], [['x-a', '/x']]),
  source: fc.constantFrom('10.1.2.3', '127.0.0.1'),
  peer: fc.constantFrom(undefined, 'spiffe://m/ns/a/sa/b', 'spiffe://m/ns/c/sa/d'),
});

test('explain lets pass and denies what the proxy’s engine does', () => {
  let certain = 0;
  fc.assert(
    fc.property(rules, query, (given, asked) => {
      const request = requestOf(asked);
      const [{ outcome }] = roleBasedAccess({ rules: given }, request, new DumpReader(), []);
      if (outcome === 'depends') return;
      certain++;
      assert.equal(outcome === 'allows', decided(given, request));
    }),
    { numRuns: 2000 },
  );
  assert.ok(certain > 1500, `${certain}`);
});

test('what a request alone does not tell stays open, and does not hide what is certain', () => {
  const claim = {
    metadata: { filter: 'envoy.filters.http.jwt_authn', path: [{ key: 'payload' }, { key: 'iss' }], value: {} },
  };
  const of = (action: string, principals: object[]) =>
    roleBasedAccess(
      { rules: { action, policies: { p: { permissions: [{ any: true }], principals } } } },
      requestOf({}),
      new DumpReader(),
      [],
    )[0];
  assert.equal(of('ALLOW', [claim]).outcome, 'depends');
  assert.match(of('ALLOW', [claim]).why, /^it allows the request if: the token's claim iss matches/);
  assert.equal(of('DENY', [{ and_ids: { ids: [claim, { not_id: { any: true } }] } }]).outcome, 'allows');
  assert.equal(of('ALLOW', [claim, { any: true }]).outcome, 'allows');
  assert.equal(of('DENY', [{ or_ids: { ids: [claim, { any: true }] } }]).outcome, 'denies');
});
