import assert from 'node:assert/strict';
import test from 'node:test';
import { resetReply } from '#proxy/http/router/reset-reply.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';

const REPLIES: [ResetReason, status: number, flag: number][] = [
  ['connection_termination', 503, Flag.UpstreamConnectionTermination],
  ['connection_failure', 503, Flag.UpstreamConnectionFailure],
  ['remote_connection_failure', 503, Flag.UpstreamConnectionFailure],
  ['local_connection_failure', 503, Flag.UpstreamConnectionFailure],
  ['connection_timeout', 503, Flag.UpstreamConnectionFailure],
  ['overflow', 503, Flag.UpstreamOverflow],
  ['protocol_error', 502, Flag.UpstreamProtocolError],
  ['remote_reset', 503, Flag.UpstreamRemoteReset],
  ['local_reset', 503, Flag.LocalReset],
];

for (const [reason, status, flag] of REPLIES) {
  test(`${reason} is answered ${status}`, () => {
    const reply = resetReply(reason, '');
    assert.deepEqual(reply, { status, flag, name: reason, text: reason.replaceAll('_', ' ') });
  });
}

test("the transport's own words are in the details, without blanks", () => {
  const { name, text } = resetReply('remote_connection_failure', 'TLS_error: no such host');
  assert.equal(name, 'remote_connection_failure|TLS_error:_no_such_host');
  assert.equal(text, 'remote connection failure');
});
