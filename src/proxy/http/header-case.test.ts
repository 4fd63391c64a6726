import assert from 'node:assert/strict';
import test from 'node:test';
import { encodePreservedCase, encodeProperCase, properCase } from '#proxy/http/header-case.ts';
import { Headers } from '#wire/headers.ts';
import { parseFields } from '#wire/http1/fields.ts';

function parsed(text: string): Headers {
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  const headers = new Headers();
  assert.equal(parseFields(bytes, 0, bytes.length, 0, headers, 100), bytes.length);
  headers.text = bytes.latin1Slice();
  return headers;
}

test('proper case: a capital at the start and after what is no letter or digit', () => {
  for (const [name, spelled] of [
    ['content-type', 'Content-Type'],
    ['x-a_b', 'X-A_B'],
    ['etag', 'Etag'],
    ['x-1a-b2c', 'X-1a-B2c'],
    ['-a', '-A'],
  ])
    assert.equal(properCase(name), spelled);
});

test('fields in proper case, touched or not', () => {
  const headers = parsed('x-one: 1\r\nX-TWO:2\r\nx-gone: 3\r\n');
  headers.remove('x-gone');
  headers.add('x-new', '4');
  assert.equal(encodeProperCase(headers, 'start\r\n'), 'start\r\nX-One: 1\r\nX-Two: 2\r\nX-New: 4\r\n');
});

test("preserved case: what takes the place of a sender's field, or comes after it, is spelled as that one was", () => {
  const headers = parsed('X-Set: 1\r\nFoo-X-Gone: 2\r\nX-GONE: 3\r\nVIA: a\r\n');
  headers.set('x-set', 'new');
  headers.remove('x-gone');
  headers.remove('foo-x-gone');
  headers.add('x-gone', 'back');
  headers.add('via', 'b');
  const expected = 'X-Set: new\r\nVIA: a\r\nX-GONE: back\r\nVIA: b\r\n';
  assert.equal(encodePreservedCase(headers, '', undefined), expected);
});

test("preserved case: the sender's spelling stays, what is added is in lower case, or in proper case", () => {
  const headers = parsed('X-oNe: 1\r\nVIA: a\r\nx-gone: 3\r\n');
  headers.remove('x-gone');
  headers.add('x-new', '4');
  headers.add('x-envoy-attempt-count', '1');
  const start = 'start\r\nX-oNe: 1\r\nVIA: a\r\n';
  const added = 'x-new: 4\r\nx-envoy-attempt-count: 1\r\n';
  assert.equal(encodePreservedCase(headers, 'start\r\n', undefined), start + added);
  const proper = { forwardReasonPhrase: false, formatterTypeOnEnvoyHeaders: 'PROPER_CASE' as const };
  assert.equal(encodePreservedCase(headers, 'start\r\n', proper), `${start}X-New: 4\r\nX-Envoy-Attempt-Count: 1\r\n`);
});
