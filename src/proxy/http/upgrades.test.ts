import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { Upgrades } from '#proxy/http/upgrades.ts';
import { Headers } from '#wire/headers.ts';
import { connectionOptions } from '#wire/http1/framing.ts';

function passOver(upgrade: string): { upgrade: boolean; left: string | undefined } {
  const config = {
    upgradeConfigs: [],
    http1: { ignoreHttp11Upgrade: [{ kind: 'prefix', value: 'TLS/', ignoreCase: false }] },
  };
  const headers = new Headers();
  headers.add('connection', 'upgrade');
  if (upgrade !== '') headers.add('upgrade', upgrade);
  const options = new Upgrades(config as unknown as HttpConnectionManager).passOver(
    connectionOptions(headers),
    headers,
  );
  return { upgrade: options.upgrade, left: headers.get('upgrade') };
}

test('an upgrade that is to be ignored leaves a plain request', () => {
  assert.deepEqual(passOver('TLS/1.2'), { upgrade: false, left: undefined });
});

test('of several upgrades, those that are not ignored stay', () => {
  assert.deepEqual(passOver('TLS/1.2, websocket,TLS/1.3'), { upgrade: true, left: 'websocket' });
});

test('an upgrade to HTTP/2 is always passed over', () => {
  assert.deepEqual(passOver('H2C'), { upgrade: false, left: undefined });
});

test('connection: upgrade alone asks for nothing', () => {
  assert.deepEqual(passOver(''), { upgrade: false, left: undefined });
});
