/**
 * Looks into metadata: a value at a path, compared with what is configured.
 * Follows envoy.type.matcher.v3.MetadataMatcher and ValueMatcher.
 */
import type { MetadataMatcher, ValueMatcher } from '#config/model/matchers.ts';
import { Condition } from '#selection/condition.ts';
import { compileString, describeString } from '#selection/match-string.ts';

type ValueTest = (value: unknown) => boolean;

/** @returns the value at the path below the filter's name; undefined where there is none. */
export function metadataAt(
  metadata: Record<string, unknown> | undefined,
  filter: string,
  path: readonly string[],
): unknown {
  let value: unknown = metadata?.[filter];
  for (const key of path) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

export function compileMetadata(matcher: MetadataMatcher): (metadata: Record<string, unknown> | undefined) => boolean {
  const { filter, path, invert } = matcher;
  const test = compileValue(matcher.value);
  return (metadata) => test(metadataAt(metadata, filter, path)) !== invert;
}

export function compileValue(matcher: ValueMatcher): ValueTest {
  switch (matcher.kind) {
    case 'null':
      return (value) => value === null;
    case 'present':
      // As in Envoy, `present_match: false` holds for nothing: `invert` asks for absence.
      return (value) => matcher.present && value !== undefined;
    case 'bool':
      return (value) => value === matcher.value;
    case 'double':
      return (value) => value === matcher.exact;
    case 'range':
      return (value) => typeof value === 'number' && value >= matcher.start && value < matcher.end;
    case 'string': {
      const test = compileString(matcher.matcher);
      return (value) => typeof value === 'string' && test(value);
    }
    case 'list': {
      const test = compileValue(matcher.oneOf);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case 'or': {
      const tests = matcher.matchers.map(compileValue);
      return (value) => tests.some((test) => test(value));
    }
  }
}

export function metadataCondition(matcher: MetadataMatcher): Condition {
  const test = compileMetadata(matcher);
  const key = [matcher.filter, ...matcher.path].join('.');
  const expected = `${matcher.invert ? 'not ' : ''}${describeValue(matcher.value)}`;
  return new Condition(
    (request) => test(request.dynamicMetadata),
    (request) => {
      const value = metadataAt(request.dynamicMetadata, matcher.filter, matcher.path);
      return `dynamic metadata ${key}: expected ${expected}, ${value === undefined ? 'there is none' : `it is ${JSON.stringify(value)}`}`;
    },
  );
}

function describeValue(matcher: ValueMatcher): string {
  switch (matcher.kind) {
    case 'null':
      return 'null';
    case 'present':
      return matcher.present ? 'to be present' : 'nothing (present_match is false)';
    case 'bool':
      return String(matcher.value);
    case 'double':
      return String(matcher.exact);
    case 'range':
      return `a number in [${matcher.start}, ${matcher.end})`;
    case 'string':
      return describeString(matcher.matcher);
    case 'list':
      return `a list with ${describeValue(matcher.oneOf)}`;
    case 'or':
      return matcher.matchers.map(describeValue).join(' or ');
  }
}
