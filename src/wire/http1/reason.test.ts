import assert from 'node:assert/strict';
import test from 'node:test';
import { reason, statusLine } from '#wire/http1/reason.ts';

test('a status line has its phrase, the same each time', () => {
  assert.equal(statusLine(200), 'HTTP/1.1 200 OK\r\n');
  assert.equal(statusLine(200), 'HTTP/1.1 200 OK\r\n');
  assert.equal(statusLine(100), 'HTTP/1.1 100 Continue\r\n');
});

test("phrases are Envoy's where they differ from Node's", () => {
  assert.equal(reason(302), 'Found');
  for (const status of [418, 451, 509]) assert.equal(reason(status), 'Unknown');
  assert.equal(reason(422), 'Unprocessable Entity');
  assert.equal(reason(599), 'Last Unassigned Server Error Code');
  assert.equal(reason(598), 'Unknown');
});
