/**
 * For which connections a listener filter is switched off. Follows envoy.config.listener.v3.ListenerFilterChainMatchPredicate.
 */
import type { Place } from '#api/place.ts';
import type { ListenerFilterPredicate } from '#config/model/listener.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { ListenerFilterChainMatchPredicate } from '#envoy/config/listener/v3/listener_components_pb.js';

const TYPE = 'envoy.config.listener.v3.ListenerFilterChainMatchPredicate';
const check = honours(TYPE, ['or_match', 'and_match', 'not_match', 'any_match', 'destination_port_range']);
const checkSet = honours(`${TYPE}.MatchSet`, ['rules']);
const checkRange = honours('envoy.type.v3.Int32Range', ['start', 'end']);

export function readListenerFilterPredicate(
  message: ListenerFilterChainMatchPredicate,
  at: Place,
): ListenerFilterPredicate {
  check(message, at);
  const { rule } = message;
  switch (rule.case) {
    case 'anyMatch':
      return { kind: 'any' };
    case 'notMatch':
      return { kind: 'not', predicate: readListenerFilterPredicate(rule.value, at.field('not_match')) };
    case 'destinationPortRange': {
      checkRange(rule.value, at.field('destination_port_range'));
      return { kind: 'destination_port', start: rule.value.start, end: rule.value.end };
    }
    case 'andMatch':
    case 'orMatch': {
      const kind = rule.case === 'andMatch' ? 'and' : 'or';
      const place = at.field(`${kind}_match`);
      checkSet(rule.value, place);
      const predicates = readAll(rule.value.rules, place.field('rules'), readListenerFilterPredicate);
      return { kind, predicates };
    }
    default:
      throw at.problem('one of or_match, and_match, not_match, any_match, destination_port_range is required');
  }
}
