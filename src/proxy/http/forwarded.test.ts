import assert from 'node:assert/strict';
import test from 'node:test';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { addressOf, applyForwarded } from '#proxy/http/forwarded.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { localAddress } from '#selection/local-address.ts';
import { headersOf } from '#testing/stream-info.ts';

interface Given {
  config?: Partial<HttpConnectionManager>;
  fields?: Record<string, string>;
  peer?: string;
  tls?: boolean;
}

/** Addresses beginning with `10.` are internal. */
function apply({ config = {}, fields = {}, peer = '10.0.0.9', tls = false }: Given) {
  const requestHeaders = headersOf(fields);
  const connection = {
    directSourceAddress: peer,
    sourceAddress: peer,
    remoteAddress: peer.includes(':') ? `[${peer}]:77` : `${peer}:77`,
    destinationPort: 8080,
    tls: tls ? {} : undefined,
  };
  const stream = { requestHeaders, connection, remoteAddress: '' } as unknown as HttpStream;
  const manager = {
    config: { useRemoteAddress: false, xffNumTrustedHops: 0, ...config },
    isInternalAddress: (address: string) => address.startsWith('10.'),
  } as unknown as ConnectionManager;
  const internal = applyForwarded(stream, manager);
  const get = (name: string) => requestHeaders.joined(`x-forwarded-${name}`);
  return { internal, remote: stream.remoteAddress, xff: get('for'), proto: get('proto'), port: get('port') };
}

const XFF = 'x-forwarded-for';
const edge = { useRemoteAddress: true };

test('a proxy in the middle believes the last address of x-forwarded-for, and adds nothing', () => {
  const { internal, remote, xff } = apply({ fields: { [XFF]: '10.1.1.1, 9.9.9.9' } });
  assert.deepEqual({ internal, remote, xff }, { internal: false, remote: '9.9.9.9:0', xff: '10.1.1.1, 9.9.9.9' });
});

test('a request is internal where x-forwarded-for is one internal address', () => {
  assert.equal(apply({ fields: { [XFF]: '10.1.1.1' } }).internal, true);
  assert.equal(apply({ fields: { [XFF]: '9.9.9.9' } }).internal, false);
  assert.equal(apply({ fields: { [XFF]: '10.1.1.1,10.1.1.2' } }).internal, false);
  assert.equal(apply({}).internal, false);
});

test('trusted hops are skipped from the end; where there are not so many, the peer is the client', () => {
  const config = { xffNumTrustedHops: 1 };
  assert.equal(apply({ config, fields: { [XFF]: '1.1.1.1,2.2.2.2,3.3.3.3' } }).remote, '2.2.2.2:0');
  assert.equal(apply({ config, fields: { [XFF]: '3.3.3.3' } }).remote, '10.0.0.9:77');
  assert.equal(apply({ config, fields: { [XFF]: 'unknown, 3.3.3.3' } }).remote, '10.0.0.9:77');
});

test('at the edge the peer is the client, is added, and makes the request internal', () => {
  const alone = apply({ config: edge });
  assert.deepEqual([alone.internal, alone.remote, alone.xff], [true, '10.0.0.9:77', '10.0.0.9']);
  const behind = apply({ config: edge, fields: { [XFF]: '1.1.1.1' } });
  assert.deepEqual([behind.internal, behind.remote, behind.xff], [false, '10.0.0.9:77', '1.1.1.1,10.0.0.9']);
  assert.equal(apply({ config: edge, fields: { [XFF]: '' } }).xff, '10.0.0.9');
});

test('at the edge with trusted hops in front, the client stands that many places before the end', () => {
  const config = { ...edge, xffNumTrustedHops: 2 };
  const { remote, xff } = apply({ config, fields: { [XFF]: '1.1.1.1,2.2.2.2,3.3.3.3' } });
  assert.deepEqual([remote, xff], ['2.2.2.2:0', '1.1.1.1,2.2.2.2,3.3.3.3,10.0.0.9']);
});

test('skip_xff_append adds nothing; a peer on this machine is told by its address; IPv4 may be told as IPv6', () => {
  assert.equal(apply({ config: { ...edge, skipXffAppend: true } }).xff, undefined);
  assert.equal(apply({ config: edge, peer: '127.0.0.1' }).xff, localAddress());
  assert.equal(apply({ config: edge, peer: '::1' }).xff, localAddress());
  const config = { ...edge, representIpv4RemoteAddressAsIpv4MappedIpv6: true };
  assert.equal(apply({ config }).xff, '::ffff:10.0.0.9');
  assert.equal(apply({ config, peer: '2001:db8::1' }).xff, '2001:db8::1');
});

test('x-forwarded-proto is set where it is missing, and at the edge in any case', () => {
  assert.equal(apply({}).proto, 'http');
  assert.equal(apply({ tls: true }).proto, 'https');
  const fields = { 'x-forwarded-proto': 'https' };
  assert.equal(apply({ fields }).proto, 'https');
  assert.equal(apply({ fields, config: edge }).proto, 'http');
  assert.equal(apply({ fields, config: { ...edge, xffNumTrustedHops: 1 } }).proto, 'https');
});

test('append_x_forwarded_port tells the port, and leaves what trusted hops said', () => {
  const config = { appendXForwardedPort: true };
  const fields = { 'x-forwarded-port': '1' };
  assert.equal(apply({ config }).port, '8080');
  assert.equal(apply({ config, fields }).port, '8080');
  assert.equal(apply({ config: { ...config, xffNumTrustedHops: 1 }, fields }).port, '1');
  assert.equal(apply({}).port, undefined);
});

test('the address alone of an address with a port', () => {
  assert.equal(addressOf('1.2.3.4:80'), '1.2.3.4');
  assert.equal(addressOf('[::1]:80'), '::1');
  assert.equal(addressOf('@socket'), '@socket');
});
