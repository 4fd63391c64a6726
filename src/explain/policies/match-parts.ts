/**
 * Matchers of policies on parts of a request, read by the readers of the configuration and run by what routes are matched with.
 * Follows envoy.type.matcher.v3 and envoy.config.route.v3.HeaderMatcher.
 */
import type { StringMatcher } from '#config/model/matchers.ts';
import { readHeaderMatcher } from '#config/read/matchers.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { HeaderMatcher as HeaderMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { StringMatcher as StringMessage } from '#envoy/type/matcher/v3/string_pb.js';
import { readLeniently } from '#explain/dump/read-leniently.ts';
import { no, unknown, type Verdict, YES } from '#explain/policies/verdict.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';
import { headerCondition } from '#selection/match-header.ts';
import { compileString, describeString } from '#selection/match-string.ts';

const ignore = () => {};

/** @param what it is, for the words: `path`. */
export function matchString(matcher: JsonObject | undefined, value: string | undefined, what: string): Verdict {
  const read =
    matcher &&
    readLeniently<StringMessage, StringMatcher>(
      'envoy.type.matcher.v3.StringMatcher',
      matcher,
      readStringMatcher,
      ignore,
    );
  if (read === undefined) return unknown(`${what} is matched in a way that is not known`);
  const expected = `${what}: expected ${describeString(read)}`;
  if (value === undefined) return no(`${expected}, there is none`);
  return compileString(read)(value) ? YES : no(`${expected}, it is ${JSON.stringify(value)}`);
}

export function matchHeader(matcher: JsonObject, request: RequestUnderWay): Verdict {
  const condition = readLeniently<HeaderMessage, ReturnType<typeof headerCondition>>(
    'envoy.config.route.v3.HeaderMatcher',
    matcher,
    (message, at) => headerCondition(readHeaderMatcher(message, at)),
    ignore,
  );
  if (condition === undefined) return unknown('a header is matched in a way that is not known');
  return condition.matches(request) ? YES : no(condition.why(request));
}

export function matchIp(range: JsonObject, address: string, what: string, reader: DumpReader): Verdict {
  const prefix = reader.text(range, 'address_prefix');
  const ip = parseIp(address);
  if (ip === undefined) return unknown(`the ${what} address is not known`);
  if (parseIp(prefix) === undefined) return unknown(`'${prefix}' is no address`);
  const network = new IpRange({ address: prefix, prefixLength: reader.number(range, 'prefix_len') });
  return network.has(ip) ? YES : no(`${what} ${address} is not in ${network.toString()}`);
}
