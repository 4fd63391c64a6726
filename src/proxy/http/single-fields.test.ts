import assert from 'node:assert/strict';
import test from 'node:test';
import { joinRequestFields, joinResponseFields } from '#proxy/http/single-fields.ts';
import { SINGLE_REQUEST_FIELDS, SINGLE_RESPONSE_FIELDS } from '#selection/single-fields.ts';
import { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

function headersOf(...pairs: [string, string][]): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.add(name, value);
  return headers;
}

test('a field that Envoy keeps as one line becomes a list in the place of the first', () => {
  const headers = headersOf(['via', 'a'], ['x-own', '1'], ['via', 'b'], ['x-own', '2'], ['accept', 'c']);
  joinRequestFields(headers);
  assert.deepEqual(headers.entries(), [
    ['via', 'a,b'],
    ['x-own', '1'],
    ['x-own', '2'],
    ['accept', 'c'],
  ]);
});

test('requests and responses each have names of their own', () => {
  const pairs: [string, string][] = [
    ['accept', '1'],
    ['accept', '2'],
    ['etag', '3'],
    ['etag', '4'],
  ];
  const [request, response] = [headersOf(...pairs), headersOf(...pairs)];
  joinRequestFields(request);
  joinResponseFields(response);
  assert.deepEqual(request.all('accept'), ['1,2']);
  assert.deepEqual(request.all('etag'), ['3', '4']);
  assert.deepEqual(response.all('accept'), ['1', '2']);
  assert.deepEqual(response.all('etag'), ['3,4']);
});

test('every such name has a number, so that a repetition is noticed', () => {
  for (const name of [...SINGLE_REQUEST_FIELDS, ...SINGLE_RESPONSE_FIELDS]) {
    assert.ok(Known[name] > 0, name);
    assert.ok(headersOf([name, '1'], [name, '2']).repeated, name);
  }
});
