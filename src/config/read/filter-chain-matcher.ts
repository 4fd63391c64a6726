/**
 * The generic matcher that chooses a listener's filter chain by name, in place of the chains' own matches.
 * Follows envoy.config.listener.v3.Listener.filter_chain_matcher.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { MatcherTree } from '#config/model/matcher-tree.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { CONNECTION_INPUTS } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

const CHAIN_NAME = 'google.protobuf.StringValue';

/**
 * @param at the listener.
 * @param listener what errors about the listener begin with.
 * @returns undefined where the chains' own matches choose.
 */
export function readFilterChainMatcher(
  message: Listener,
  at: Place,
  listener: string,
): MatcherTree<string> | undefined {
  const { filterChainMatcher } = message;
  if (filterChainMatcher === undefined) return undefined;
  checkNames(message, at.field('filter_chains'), listener);
  return readMatcherTree(filterChainMatcher, at.field('filter_chain_matcher'), CONNECTION_INPUTS, readChainName);
}

/** Chains go by their names here: each has one of its own. */
function checkNames({ filterChains }: Listener, at: Place, listener: string): void {
  const names = new Set<string>();
  for (const [i, { name }] of filterChains.entries()) {
    const place = at.index(i);
    if (name === '') place.report(`${listener}: "name" field is required when using a listener matcher`);
    else if (names.has(name))
      place.field('name').report(`${listener}: "name" field is duplicated with value '${name}'`);
    names.add(name);
  }
}

/** A name that no chain has closes the connection, as in Envoy. */
function readChainName({ name, typedConfig }: ActionMessage, at: Place): string {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== CHAIN_NAME) throw unsupportedExtension(name, type.typeName, 'matching_action', place);
  return (message as unknown as { value: string }).value;
}
