import assert from 'node:assert/strict';
import test from 'node:test';
import { httpDate } from '#proxy/http/http-date.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

test('the date is that of now, in the form of RFC 9110, and made once a second', () => {
  asEvent(() => {
    const date = httpDate();
    assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.ok(Math.abs(Date.parse(date) - Date.now()) < 2000);
    assert.equal(httpDate(), date);
  });
});
