import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, connectionManager, httpListener, type Json, typed } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

const AT = 'static_resources.listeners[0].filter_chains';
const ADDING = "error adding listener '127.0.0.1:0'";

/** Port 80 is for the chain of that name. */
function matcher(chain: string): Json {
  const action = {
    name: 'chain',
    typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: chain },
  };
  const input = {
    name: 'port',
    typed_config: typed('extensions.matching.common_inputs.network.v3.DestinationPortInput'),
  };
  return { matcher_tree: { input, exact_match_map: { map: { 80: { action } } } } };
}

function listening(names: string[], more: Json = {}): Json {
  const chains = names.map((name) => ({ name, filters: [connectionManager()] }));
  return bootstrap([
    httpListener({ listener: { filter_chains: chains, filter_chain_matcher: matcher('x'), ...more } }),
  ]);
}

test('a matcher chooses chains by name; what they would match themselves does not count', () => {
  const [listener] = load(listening(['x', 'y'])).snapshot.listeners;
  assert.deepEqual(listener.filterChainMatcher, {
    body: {
      kind: 'exact_map',
      input: { kind: 'DestinationPortInput', key: '' },
      entries: [{ key: '80', onMatch: { kind: 'action', action: 'x' } }],
    },
  });
});

test('the name may be of no chain: such connections are closed', () => {
  assert.deepEqual(errorsOf(listening(['y'])), []);
});

test('every chain has a name of its own', () => {
  assert.deepEqual(errorsOf(listening([''])), [
    `${AT}[0]: ${ADDING}: "name" field is required when using a listener matcher`,
  ]);
  assert.deepEqual(errorsOf(listening(['x', 'x'])), [
    `${AT}[1].name: ${ADDING}: "name" field is duplicated with value 'x'`,
  ]);
});
