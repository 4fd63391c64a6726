import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { redact } from '#api/redact.ts';
import { messageType } from '#api/registry.ts';

function redacted(typeName: string, tree: unknown): unknown {
  const problems = new Problems();
  const type = messageType(typeName);
  const message = decode(type, tree, rootPlace(undefined, problems));
  assert.deepEqual(problems.list, []);
  return toTree(type, redact(type, message));
}

const TLS = 'envoy.extensions.transport_sockets.tls.v3.TlsCertificate';
const SECRET = {
  certificate_chain: { inline_string: 'cert' },
  private_key: { inline_string: 'key' },
  password: { inline_bytes: 'a2V5' },
};
const HIDDEN = {
  certificate_chain: { inline_string: 'cert' },
  private_key: { inline_string: '[redacted]' },
  password: { inline_bytes: 'W3JlZGFjdGVkXQ==' },
};

test('text and bytes below a sensitive field are hidden, others stay', () => {
  assert.deepEqual(redacted(TLS, SECRET), HIDDEN);
});

test('below a sensitive field other values are taken away', () => {
  const key = { private_key: { filename: '/k', watched_directory: { path: '/d' } } };
  assert.deepEqual(redacted(TLS, key), {
    private_key: { filename: '[redacted]', watched_directory: { path: '[redacted]' } },
  });
});

test('lists and maps of secrets keep their length and their keys', () => {
  const keys = { keys: [{ inline_string: 'a' }, { inline_string: 'b' }] };
  assert.deepEqual(redacted('envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys', keys), {
    keys: [{ inline_string: '[redacted]' }, { inline_string: '[redacted]' }],
  });
  const settings = { context_extensions: { user: 'me' } };
  assert.deepEqual(redacted('envoy.extensions.filters.http.ext_authz.v3.CheckSettings', settings), {
    context_extensions: { user: '[redacted]' },
  });
});

test('secrets inside Any and TypedStruct are hidden', () => {
  const url = `type.googleapis.com/${TLS}`;
  const socket = (config: object) => ({ name: 'tls', typed_config: config });
  const type = 'envoy.config.core.v3.TransportSocket';
  assert.deepEqual(redacted(type, socket({ '@type': url, ...SECRET })), socket({ '@type': url, ...HIDDEN }));
  const struct = { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: url };
  assert.deepEqual(redacted(type, socket({ ...struct, value: SECRET })), socket({ ...struct, value: HIDDEN }));
});

test('a TypedStruct of an unknown type is hidden as a whole only below a sensitive field', () => {
  const provider = 'envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider';
  const struct = {
    '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
    type_url: 'a/b.C',
    value: { a: 'x', b: [1, 'y'] },
  };
  assert.deepEqual(redacted(provider, { provider_name: 'p', typed_config: struct }), {
    provider_name: 'p',
    typed_config: { ...struct, value: { a: '[redacted]', b: [null, '[redacted]'] } },
  });
  const socket = { name: 'p', typed_config: struct };
  assert.deepEqual(redacted('envoy.config.core.v3.TransportSocket', socket), socket);
});

test('a message without secrets is given back as it is', () => {
  const type = messageType('envoy.config.cluster.v3.Cluster');
  const message = decode(
    type,
    { name: 'a', load_assignment: { endpoints: [{}] } },
    rootPlace(undefined, new Problems()),
  );
  assert.equal(redact(type, message), message);
});

test('the message that was given is not changed', () => {
  const type = messageType(TLS);
  const message = decode(type, SECRET, rootPlace(undefined, new Problems()));
  redact(type, message);
  assert.deepEqual(toTree(type, message), SECRET);
});
