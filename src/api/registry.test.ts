import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiRegistry, messageType, typeNames, typeOfUrl } from '#api/registry.ts';

test('a message type is found by its full name, nested ones too', () => {
  assert.equal(messageType('envoy.config.cluster.v3.Cluster').name, 'Cluster');
  assert.equal(messageType('envoy.config.cluster.v3.Cluster.LbSubsetConfig').parent?.name, 'Cluster');
});

test('an unknown type name is our own mistake and throws', () => {
  assert.throws(() => messageType('envoy.config.cluster.v3.Cluste'), /no message type envoy.config.cluster.v3.Cluste/);
  assert.throws(() => messageType('envoy.config.cluster.v3.Cluster.DiscoveryType'), /no message type/);
});

test('a type URL is taken with and without its host, and an unknown one gives nothing', () => {
  const name = 'envoy.extensions.filters.http.router.v3.Router';
  assert.equal(typeOfUrl(`type.googleapis.com/${name}`), messageType(name));
  assert.equal(typeOfUrl(name), messageType(name));
  assert.equal(typeOfUrl('type.googleapis.com/nope.Nope'), undefined);
  assert.equal(typeOfUrl(''), undefined);
});

test('types of different files that mean the same message are one object', () => {
  const cluster = messageType('envoy.config.cluster.v3.Cluster');
  const bootstrap = messageType('envoy.config.bootstrap.v3.Bootstrap.StaticResources');
  assert.equal(bootstrap.field.clusters.message, cluster);
});

test('every type that the index names can be built', () => {
  const registry = apiRegistry();
  const missing = [...typeNames()].filter((name) => registry.get(name) === undefined && !name.endsWith('Entry'));
  assert.deepEqual(missing, []);
  assert.ok([...registry].length > 1500);
});

test('an extension is found by name and by number', () => {
  const rules = apiRegistry().getExtension('validate.rules');
  assert.ok(rules);
  assert.equal(apiRegistry().getExtensionFor(rules.extendee, rules.number), rules);
});
