import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates, parseResolvConf } from '#proxy/upstream/discovery/resolv-conf.ts';

test('servers, the last search list and ndots are read; comments and what is no address are not', () => {
  const text = `
    # nameserver 10.0.0.9
    nameserver 10.0.0.1
    nameserver fd00::1 ; with words
    nameserver nowhere
    domain first.test
    search a.test b.test
    options rotate ndots:5
  `;
  assert.deepEqual(parseResolvConf(text, 'machine.c.test', {}), {
    servers: ['10.0.0.1:53', '[fd00::1]:53'],
    search: ['a.test', 'b.test'],
    ndots: 5,
  });
});

test('without a file the server is this machine, and the domain that of its name', () => {
  assert.deepEqual(parseResolvConf('', 'machine.c.test', {}), {
    servers: ['127.0.0.1:53'],
    search: ['c.test'],
    ndots: 1,
  });
  assert.deepEqual(parseResolvConf('', 'machine', {}).search, []);
});

test('the environment is over the file; of its domains the first counts', () => {
  const environment = { LOCALDOMAIN: 'x.test y.test', RES_OPTIONS: 'rotate ndots:3' };
  const { search, ndots } = parseResolvConf('search a.test\noptions ndots:2', 'machine', environment);
  assert.deepEqual([search, ndots], [['x.test'], 3]);
});

test('a name with fewer dots than ndots is tried in each domain first, another one last', () => {
  const search = ['a.test', 'b.test.'];
  assert.deepEqual(candidates('shop', { search, ndots: 1 }), ['shop.a.test', 'shop.b.test', 'shop']);
  assert.deepEqual(candidates('shop.x', { search, ndots: 1 }), ['shop.x', 'shop.x.a.test', 'shop.x.b.test']);
  assert.deepEqual(candidates('shop.', { search, ndots: 1 }), ['shop']);
});
