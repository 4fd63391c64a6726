/**
 * Generic matchers: lists of predicates, maps, networks. Follows xds.type.matcher.v3.Matcher.
 */
import { unpack } from '#api/any.ts';
import type { TypedExtensionConfig } from '#api/generated/xds/core/v3/extension_pb.js';
import type { ServerNameMatcher } from '#api/generated/xds/type/matcher/v3/domain_pb.js';
import type { IPMatcher } from '#api/generated/xds/type/matcher/v3/ip_pb.js';
import type {
  Matcher,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_MatcherTree,
  Matcher_MatcherTree_MatchMap,
  Matcher_OnMatch,
} from '#api/generated/xds/type/matcher/v3/matcher_pb.js';
import type { Place } from '#api/place.ts';
import type { CidrRange as Range } from '#config/model/address.ts';
import type { MatcherTree, MatchInput, MatchPredicate, OnMatch } from '#config/model/matcher-tree.ts';
import { readCidrRanges } from '#config/read/address.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { type MatchInputs, readMatchInput } from '#config/read/matcher-input.ts';
import { readAll } from '#config/read/read-all.ts';
import { readXdsStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import type { CidrRange } from '#envoy/config/core/v3/address_pb.js';
import type { Ip } from '#envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js';

const TYPE = 'xds.type.matcher.v3.Matcher';
const IP = 'xds.type.matcher.v3.IPMatcher';
const SERVER_NAME = 'xds.type.matcher.v3.ServerNameMatcher';
const CEL = 'xds.type.matcher.v3.CelMatcher';
const IP_INPUT = 'envoy.extensions.matching.input_matchers.ip.v3.Ip';
const check = honours(TYPE, ['matcher_list', 'matcher_tree', 'on_no_match']);
const checkOnMatch = honours(`${TYPE}.OnMatch`, ['matcher', 'action'], {
  refused: { keep_matching: 'the first match is taken' },
});
const checkTree = honours(`${TYPE}.MatcherTree`, ['input', 'exact_match_map', 'prefix_match_map', 'custom_match']);
const checkPredicate = honours(`${TYPE}.MatcherList.Predicate`, [
  'single_predicate',
  'or_matcher',
  'and_matcher',
  'not_matcher',
]);
const checkSingle = honours(`${TYPE}.MatcherList.Predicate.SinglePredicate`, ['input', 'value_match', 'custom_match']);
const checkIp = honours(IP, ['range_matchers']);
const checkIpRange = honours(`${IP}.IPRangeMatcher`, ['ranges', 'on_match', 'exclusive']);
const checkServerName = honours(SERVER_NAME, ['domain_matchers']);
const checkDomains = honours(`${SERVER_NAME}.DomainMatcher`, ['domains', 'on_match']);
const checkIpInput = honours(IP_INPUT, ['cidr_ranges'], {
  withoutEffect: { stat_prefix: 'it counts addresses that are none, and there are none such' },
});

/** An action as configured: a name and what it is. */
export type ActionMessage = TypedExtensionConfig;
type ReadAction<T> = (action: ActionMessage, at: Place) => T;

/**
 * @param inputs `ROUTE_INPUTS`, `CONNECTION_INPUTS`.
 * @param readAction what an action resolves to.
 */
export function readMatcherTree<T>(
  message: Matcher,
  at: Place,
  inputs: MatchInputs,
  readAction: ReadAction<T>,
): MatcherTree<T> {
  return new Reader(inputs, readAction).tree(message, at);
}

class Reader<T> {
  readonly #inputs: MatchInputs;
  readonly #readAction: ReadAction<T>;

  constructor(inputs: MatchInputs, readAction: ReadAction<T>) {
    this.#inputs = inputs;
    this.#readAction = readAction;
  }

  tree(message: Matcher, at: Place): MatcherTree<T> {
    check(message, at);
    const { onNoMatch } = message;
    return {
      body: this.#body(message, at),
      ...(onNoMatch === undefined ? {} : { onNoMatch: this.#onMatch(onNoMatch, at.field('on_no_match')) }),
    };
  }

  #body({ matcherType: given }: Matcher, at: Place): MatcherTree<T>['body'] {
    switch (given.case) {
      case 'matcherList': {
        const place = at.field('matcher_list').field('matchers');
        return {
          kind: 'list',
          matchers: readAll(given.value.matchers, place, ({ predicate, onMatch }, entry) => ({
            predicate: this.#predicate(predicate, entry.field('predicate')),
            onMatch: this.#onMatch(onMatch, entry.field('on_match')),
          })),
        };
      }
      case 'matcherTree':
        return this.#treeBody(given.value, at.field('matcher_tree'));
      case undefined:
        // Legal in Envoy: nothing matches, on_no_match holds for all.
        return { kind: 'list', matchers: [] };
    }
  }

  #treeBody(message: Matcher_MatcherTree, at: Place): MatcherTree<T>['body'] {
    checkTree(message, at);
    const input = readMatchInput(message.input, at.field('input'), this.#inputs);
    const { treeType: given } = message;
    switch (given.case) {
      case 'exactMatchMap':
        return { kind: 'exact_map', input, entries: this.#entries(given.value, at.field('exact_match_map')) };
      case 'prefixMatchMap':
        return { kind: 'prefix_map', input, entries: this.#entries(given.value, at.field('prefix_match_map')) };
      case 'customMatch':
        return this.#customBody(given.value, input, at.field('custom_match'));
      default:
        throw at.problem('one of exact_match_map, prefix_match_map, custom_match is required');
    }
  }

  #entries({ map }: Matcher_MatcherTree_MatchMap, at: Place): { key: string; onMatch: OnMatch<T> }[] {
    const inside = at.field('map');
    const entries: { key: string; onMatch: OnMatch<T> }[] = [];
    for (const [key, message] of Object.entries(map)) {
      const place = inside.key(key);
      const onMatch = place.attempt(() => this.#onMatch(message, place));
      if (onMatch !== undefined) entries.push({ key, onMatch });
    }
    return entries;
  }

  #customBody({ name, typedConfig }: TypedExtensionConfig, input: MatchInput, at: Place): MatcherTree<T>['body'] {
    const place = at.field('typed_config');
    if (typedConfig === undefined) throw place.missing();
    const { type, message } = unpack(typedConfig, place);
    if (type.typeName === SERVER_NAME) return this.#domainBody(message as ServerNameMatcher, input, place);
    if (type.typeName !== IP) throw unsupportedExtension(name, type.typeName, 'custom_match', place);
    checkIp(message, place);
    const ranges = readAll((message as IPMatcher).rangeMatchers, place.field('range_matchers'), (matcher, entry) => {
      checkIpRange(matcher, entry);
      const onMatch = this.#onMatch(matcher.onMatch, entry.field('on_match'));
      // The same message as Envoy's own, under its older name.
      const cidrs = readCidrRanges(matcher.ranges as unknown as CidrRange[], entry.field('ranges'));
      return cidrs.map((cidr) => ({ ...cidr, exclusive: matcher.exclusive, onMatch }));
    });
    return { kind: 'ip', input, ranges: ranges.flat() };
  }

  #domainBody(message: ServerNameMatcher, input: MatchInput, at: Place): MatcherTree<T>['body'] {
    checkServerName(message, at);
    const entries = readAll(message.domainMatchers, at.field('domain_matchers'), (matcher, entry) => {
      checkDomains(matcher, entry);
      const onMatch = this.#onMatch(matcher.onMatch, entry.field('on_match'));
      return matcher.domains.map((key) => ({ key: key.toLowerCase(), onMatch }));
    });
    return { kind: 'domains', input, entries: entries.flat() };
  }

  #onMatch(message: Matcher_OnMatch | undefined, at: Place): OnMatch<T> {
    if (message === undefined) throw at.missing();
    checkOnMatch(message, at);
    const { onMatch: given } = message;
    switch (given.case) {
      case 'matcher':
        return { kind: 'matcher', matcher: this.tree(given.value, at.field('matcher')) };
      case 'action':
        return { kind: 'action', action: this.#readAction(given.value, at.field('action')) };
      default:
        throw at.problem('one of matcher, action is required');
    }
  }

  #predicate(message: Matcher_MatcherList_Predicate | undefined, at: Place): MatchPredicate {
    if (message === undefined) throw at.missing();
    checkPredicate(message, at);
    const { matchType: given } = message;
    switch (given.case) {
      case 'singlePredicate':
        return this.#single(given.value, at.field('single_predicate'));
      case 'orMatcher':
        return { kind: 'or', predicates: this.#predicates(given.value.predicate, at.field('or_matcher')) };
      case 'andMatcher':
        return { kind: 'and', predicates: this.#predicates(given.value.predicate, at.field('and_matcher')) };
      case 'notMatcher':
        return { kind: 'not', predicate: this.#predicate(given.value, at.field('not_matcher')) };
      default:
        throw at.problem('one of single_predicate, or_matcher, and_matcher, not_matcher is required');
    }
  }

  #predicates(messages: Matcher_MatcherList_Predicate[], at: Place): MatchPredicate[] {
    return readAll(messages, at.field('predicate'), (message, place) => this.#predicate(message, place));
  }

  #single(message: Matcher_MatcherList_Predicate_SinglePredicate, at: Place): MatchPredicate {
    checkSingle(message, at);
    const { matcher } = message;
    if (matcher.case === undefined) throw at.field('value_match').missing();
    const input = readMatchInput(message.input, at.field('input'), this.#inputs);
    if (matcher.case === 'customMatch') {
      return { kind: 'in_range', input, ranges: readIpInput(matcher.value, at.field('custom_match')) };
    }
    return { kind: 'single', input, matcher: readXdsStringMatcher(matcher.value, at.field('value_match')) };
  }
}

function readIpInput({ name, typedConfig }: TypedExtensionConfig, at: Place): Range[] {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  // Envoy's words: expressions are for inputs that are attributes, and ours are all text.
  if (type.typeName === CEL) throw place.problem('Unsupported data input type: string');
  if (type.typeName !== IP_INPUT) throw unsupportedExtension(name, type.typeName, 'input_matcher', place);
  checkIpInput(message, place);
  return readCidrRanges((message as Ip).cidrRanges, place.field('cidr_ranges'));
}
