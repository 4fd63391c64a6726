/** SDS: our proxy and real Envoy get certificates, session ticket keys and trusted authorities from a management server, and rotate them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { downstreamTls, httpListener, type Json, routeConfig } from '#testing/bootstrap.ts';
import { type Certificate, signed, testAuthority } from '#testing/certificates.ts';
import { configSource, dynamicBootstrap, says, type Transport } from '#testing/dynamic-resources.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n';
const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;
const [first, second] = [signed('first'), signed('second')];

function certificateSecret(name: string, { cert, key }: Certificate): Json {
  return {
    name,
    tls_certificate: { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } },
  };
}

function tlsListener(name: string, secret: string, transport: Transport, source: Json = {}): Json {
  const sds = (of: string) => ({ name: of, sds_config: configSource(transport, source) });
  const common = {
    tls_certificate_sds_secret_configs: [sds(secret)],
    validation_context_sds_secret_config: sds('authority'),
  };
  return httpListener({
    name,
    manager: { ...routeConfig([says('hello')]), stat_prefix: name },
    chain: downstreamTls(common, { session_ticket_keys_sds_secret_config: sds('tickets') }),
  });
}

async function shownBy(proxy: RunningProxy, listener: string): Promise<string> {
  const wire = await proxy.connect(listener, { tls: { rejectUnauthorized: false } });
  const shown = (wire.socket as TLSSocket).getPeerCertificate().subject.CN;
  await wire.send(GET);
  return `${shown}: ${(await wire.response()).body}`;
}

async function observe(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  const others = [
    { name: 'authority', validation_context: { trusted_ca: { inline_string: testAuthority().cert } } },
    { name: 'tickets', session_ticket_keys: { keys: [{ inline_bytes: Buffer.alloc(80, 7).toString('base64') }] } },
  ];
  server.serve('cluster', '1', []);
  server.serve('secret', '1', [certificateSecret('web', first), ...others]);
  server.serve('listener', '1', [tlsListener('in', 'web', transport)]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const seen = [await shownBy(proxy, 'in')];
  server.serve('secret', '2', [certificateSecret('web', second), ...others]);
  await proxy.statBecomes('sds.web.update_success', (count) => count >= 2);
  seen.push(await shownBy(proxy, 'in'));
  const secrets = await secretsOf(proxy);
  const broken = { ...first, key: second.key };
  server.serve('secret', '3', [certificateSecret('web', broken), ...others]);
  await proxy.statBecomes('sds.web.update_rejected', (count) => count > 0);
  seen.push(await shownBy(proxy, 'in'));
  // One whose secret nobody has does not serve, and others are not held up by it.
  server.serve('listener', '2', [
    tlsListener('in', 'web', transport),
    tlsListener('late', 'absent', transport, { initial_fetch_timeout: '0s' }),
  ]);
  await proxy.statBecomes('listener_manager.total_listeners_warming', 1);
  for (const name of ['authority', 'tickets'])
    await proxy.statBecomes(`sds.${name}.update_success`, (count) => count >= 2);
  seen.push(await shownBy(proxy, 'in'));
  const init = (await proxy.get('/init_dump')).body
    .replace(/ \d+"/, ' N"')
    .replace(/ *"shared target SdsApi tickets",\n/, '');
  return { seen, secrets, late: await secretsOf(proxy), listeners: await dumped(proxy, 'ListenersConfigDump'), init };
}

async function dumped(proxy: RunningProxy, type: string): Promise<Record<string, unknown>> {
  const body = (await proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: Record<string, unknown>[] };
  return configs.find((config) => String(config['@type']).endsWith(type)) ?? {};
}

/** Sorted, since neither proxy promises an order; a refused one is left out, as Envoy shows it in place of the one that serves. */
async function secretsOf(proxy: RunningProxy): Promise<unknown> {
  const { dynamic_active_secrets: active, dynamic_warming_secrets: warming } = await dumped(proxy, 'SecretsConfigDump');
  const sorted = (secrets: unknown) => ((secrets ?? []) as Json[]).map((one) => JSON.stringify(one, keys(one))).sort();
  const refused = (await proxy.stat('sds.web.update_rejected')) > 0;
  return {
    active: sorted(active).filter((one) => !(refused && one.includes('"web"'))),
    warming: sorted(warming),
  };
}

/** The names of all fields, in order. */
function keys(value: unknown, found = new Set<string>()): string[] {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) found.add(key);
      keys(inner, found);
    }
  }
  return [...found].sort();
}

for (const transport of ['ads', 'delta grpc'] as const) {
  test(`${transport}: secrets come, rotate and are refused as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([observe(t, 'envoy', transport), observe(t, 'fairlead', transport)]);
    assert.deepEqual(ours.seen, ['first: hello', 'second: hello', 'second: hello', 'second: hello']);
    assert.deepEqual(ours.seen, envoy.seen);
    assert.deepEqual(ours.listeners, envoy.listeners);
    assert.deepEqual(ours.secrets, envoy.secrets);
    assert.deepEqual(ours.late, envoy.late);
    assert.deepEqual(ours.init, envoy.init);
  });
}
