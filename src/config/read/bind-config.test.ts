import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Place } from '#api/place.ts';
import { readBindConfig, readTcpKeepalive } from '#config/read/bind-config.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { BindConfig } from '#envoy/config/core/v3/address_pb.js';
import { type Json, typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const source = (address: string, port = 0): Json => ({ address, port_value: port });

function bind(fields: Json) {
  const read = (message: BindConfig, at: Place, context: ReadContext) =>
    readBindConfig(message, at, 'Cluster c', context);
  return readMessage('envoy.config.core.v3.BindConfig', fields, read);
}

test('a source is an address, and a port unless it is 0', () => {
  assert.deepEqual(bind({ source_address: source('127.0.0.2', 9) }).value, {
    sourceAddress: '127.0.0.2',
    sourcePort: 9,
    socketOptions: [],
  });
  assert.deepEqual(bind({}).value, { sourcePort: 0, socketOptions: [] });
});

test('another source is of the other family, and may stand in either of two fields', () => {
  const first = { source_address: source('127.0.0.2') };
  const expected = { address: '::1', port: 7 };
  const extra = bind({ ...first, extra_source_addresses: [{ address: source('::1', 7) }] });
  assert.deepEqual(extra.value?.extraSource, expected);
  const additional = bind({ ...first, additional_source_addresses: [source('::1', 7)] });
  assert.deepEqual(additional.value?.extraSource, expected);
  const same = bind({ ...first, additional_source_addresses: [source('127.0.0.3')] });
  assert.match(same.errors[0], /^Cluster c's upstream binding config has two same IP version source addresses/);
});

test('the selector of sources that Envoy has may be named, no other', () => {
  const selector = (type: string) => ({
    source_address: source('127.0.0.2'),
    local_address_selector: { name: 'x', typed_config: typed(type) },
  });
  const known = bind(selector('config.upstream.local_address_selector.v3.DefaultLocalAddressSelector'));
  assert.deepEqual([known.errors, known.value?.sourceAddress], [[], '127.0.0.2']);
  const other = bind(selector('extensions.filters.http.router.v3.Router'));
  assert.match(other.errors[0], /Didn't find a registered implementation for 'x' with type URL: '.*Router'$/);
});

test('options of sockets are for all sources, unless the other one has its own', () => {
  const mark = { level: 1, name: 36, int_value: 7 };
  const set = { level: 1, name: 36, value: 7, state: 'PREBIND' };
  const free = [
    { level: 0, name: 15, value: 1, state: 'PREBIND', ipVersion: 4 },
    { level: 41, name: 78, value: 1, state: 'PREBIND', ipVersion: 6 },
  ];
  assert.deepEqual(bind({ freebind: true, socket_options: [mark] }).value?.socketOptions, [...free, set]);
  const extra = { address: source('::1'), socket_options: { socket_options: [mark] } };
  const both = bind({ source_address: source('127.0.0.2'), extra_source_addresses: [extra] }).value;
  assert.deepEqual([both?.socketOptions, both?.extraSource?.socketOptions], [[], [set]]);
});

test('of keep-alive only what is set is told', () => {
  const read = (fields: Json) => readMessage('envoy.config.core.v3.TcpKeepalive', fields, readTcpKeepalive).value;
  assert.deepEqual(read({}), {});
  assert.deepEqual(read({ keepalive_probes: 3, keepalive_time: 4, keepalive_interval: 5 }), {
    probes: 3,
    time: 4,
    interval: 5,
  });
});
