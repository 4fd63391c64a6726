import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Explanation } from '#explain/explanation.ts';
import { renderExplanation } from '#explain/render-explanation.ts';

const EXPLANATION: Explanation = {
  request: {
    method: 'GET',
    scheme: 'http',
    host: 'shop.test',
    path: '/cart',
    headers: [{ name: 'x-user', value: 'jane' }],
    source: '127.0.0.1',
    destination: 'shop.test:80',
  },
  listener: { name: 'in', why: 'port 80', rejected: [{ name: 'secure', why: 'port 80, listener has 443' }] },
  filter_chain: { name: '', why: 'the only one', rejected: [], tls: false },
  virtual_host: { name: 'shop', why: 'domain shop.test is an exact match', rejected: [] },
  route: {
    name: 'cart',
    why: 'prefix /cart',
    rejected: [
      { name: 'far', why: 'prefix /v2 does not match /cart' },
      { name: 'beta', why: 'header x-user: expected exact "jason", the request has "jane"' },
    ],
  },
  cluster: {
    name: 'cart-v1',
    why: 'the route names it',
    rejected: [],
    type: 'STATIC',
    hosts: [{ address: '10.0.0.1:80' }],
  },
  upstream: { cluster: 'cart-v1', method: 'GET', host: 'shop.test', path: '/cart', headers: [], timeout_ms: 15_000 },
};

test('an explanation reads from top to bottom, the nearest candidates first', () => {
  assert.equal(
    renderExplanation(EXPLANATION, { color: false }),
    `GET http://shop.test/cart
  x-user: jane

listener       in              port 80
                 not secure    port 80, listener has 443
filter chain   the only one
virtual host   shop            domain shop.test is an exact match
route          cart            prefix /cart
                 not beta      header x-user: expected exact "jason", the request has "jane"
                 not far       prefix /v2 does not match /cart
cluster        cart-v1         the route names it, STATIC
                 10.0.0.1:80
upstream       GET /cart       timeout 15s, no retries
               host: shop.test
`,
  );
});

test('control characters and marks that turn text around are escaped', () => {
  const evil = { ...EXPLANATION, route: { name: '\x1b[2Jcart\u202e', why: 'prefix /\r\n\x9b', rejected: [] } };
  const text = renderExplanation(evil, { color: false });
  assert.match(text, /\\x1b\[2Jcart\\u202e {3}prefix \/\\x0d\\x0a\\x9b/);
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
});

test('colours are there only where they are asked for', () => {
  const plain = renderExplanation(EXPLANATION, { color: false });
  assert.equal(stripVTControlCharacters(plain), plain);
  const colored = renderExplanation(EXPLANATION, { color: true });
  assert.ok(colored.includes('\x1b[36mlistener\x1b[0m'));
  assert.equal(stripVTControlCharacters(colored), plain);
});

test('of many candidates the nearest eight are shown, and how many more there are', () => {
  const rejected = Array.from({ length: 20 }, (_, i) => ({ name: `r${i}`, why: 'prefix /x does not match /' }));
  const text = renderExplanation(
    { ...EXPLANATION, route: { name: 'all', why: 'prefix /', rejected } },
    { color: false },
  );
  assert.match(text, /not r7 /);
  assert.doesNotMatch(text, /not r8 /);
  assert.match(text, /nor 12 more/);
});
