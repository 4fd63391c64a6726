import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '#api/problems.ts';
import { parseResources } from '#control/xds/parse-resources.ts';
import { nameOf } from '#control/xds/snapshot.ts';

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const found = (text: string, file = 'r.yaml') =>
  parseResources(text, file).map(({ type, message }) => `${type.short} ${nameOf(type, message)}`);

function refusal(text: string): string {
  try {
    parseResources(text, 'r.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('it was read');
}

test('resources come alone, in lists, in discovery responses, by kind, and as in a bootstrap', () => {
  assert.deepEqual(found(`{"@type": ${CLUSTER}, name: a}`), ['CDS a']);
  assert.deepEqual(found(`[{"@type": ${CLUSTER}, name: a}, {"@type": ${CLUSTER}, name: b}]`), ['CDS a', 'CDS b']);
  assert.deepEqual(found(`version_info: "7"\nresources: [{"@type": ${CLUSTER}, name: a}]`), ['CDS a']);
  assert.deepEqual(found('endpoints: [{cluster_name: e}]\nroutes: [{name: r}]'), ['EDS e', 'RDS r']);
  assert.deepEqual(found('static_resources: {clusters: [{name: a}]}'), ['CDS a']);
  assert.deepEqual(found(`{"resources": [{"@type": "${CLUSTER}", "name": "a"}]}`, 'r.json'), ['CDS a']);
});

test('a file may hold several documents, and places are those of the file', () => {
  assert.deepEqual(found('clusters: [{name: a}]\n---\n# nothing\n---\nroutes: [{name: r}]\n'), ['CDS a', 'RDS r']);
  assert.match(
    refusal('clusters: [{name: a}]\n---\nclusters:\n- nam: b\n'),
    /^r\.yaml:4:3: error: no field 'nam' in Cluster/,
  );
});

test("rules of Envoy's API hold", () => {
  assert.match(refusal('clusters: [{name: a, connect_timeout: -1s}]'), /connect_timeout/i);
});

test('what is no resource is refused with what there is', () => {
  assert.match(refusal('a string'), /expected resources/);
  assert.match(refusal('cluster: []'), /no kind of resource 'cluster' \(there are resources, clusters/);
  assert.match(refusal(`{"@type": type.googleapis.com/envoy.config.core.v3.Node}`), /is no resource of xDS/);
  assert.match(refusal(`{"@type": type.googleapis.com/envoy.config.cluster.v3.Clutser}`), /did you mean/);
  assert.match(refusal('clusters: [{type: STATIC}]'), /name/);
  assert.match(refusal('virtual_hosts: [{name: v, domains: ["*"]}]'), /is named <route configuration>\/<host>/);
});

test('any text is read or refused with its problems', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .array(fc.constantFrom('clusters:', '- name: a', '---', '  x: [', '"@type":', CLUSTER, '\t', '&a', '*a'), {
        maxLength: 9,
      })
      .map((lines) => lines.join('\n')),
  );
  fc.assert(
    fc.property(text, (each) => {
      try {
        parseResources(each, 'r.yaml');
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
