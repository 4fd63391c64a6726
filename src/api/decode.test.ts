import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@bufbuild/protobuf';
import { create, equals, fromBinary, fromJson, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { unpack } from '#api/any.ts';
import type { DecodeOptions } from '#api/decode.ts';
import { decode, loadMessage } from '#api/decode.ts';
import type { Cluster } from '#api/generated/envoy/config/cluster/v3/cluster_pb.js';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { apiRegistry, messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** The message, with the problems as `path: message (hint)`. */
function read<T extends Message>(typeName: string, tree: unknown, options: DecodeOptions = {}) {
  const problems = new Problems();
  const message = decode<T>(messageType(typeName), tree, rootPlace(undefined, problems), options);
  const text = (list: typeof problems.list) =>
    list.map(({ path, message: words, hint }) => `${path}: ${words}${hint === undefined ? '' : ` (${hint})`}`);
  return { message, errors: text(problems.errors), warnings: text(problems.warnings) };
}

function cluster(tree: unknown, options?: DecodeOptions): Cluster {
  const { message, errors } = read<Cluster>(CLUSTER, tree, options);
  assert.deepEqual(errors, []);
  return message;
}

function errorsOf(tree: unknown, typeName = CLUSTER): string[] {
  return read(typeName, tree).errors;
}

test('fields are taken in snake case and in camel case', () => {
  const message = cluster({ name: 'a', alt_stat_name: 'b', connectTimeout: '0.25s' });
  assert.deepEqual([message.name, message.altStatName, message.connectTimeout?.nanos], ['a', 'b', 250_000_000]);
});

test('a message without fields is what protobuf-es would create', () => {
  for (const name of [CLUSTER, HCM, 'envoy.config.bootstrap.v3.Bootstrap', 'validate.StringRules']) {
    assert.deepEqual(read(name, {}).message, create(messageType(name)));
  }
});

test('what protobuf-es reads from the same JSON is equal', () => {
  const tree = {
    name: 'a',
    type: 'STRICT_DNS',
    perConnectionBufferLimitBytes: 5,
    metadata: { filterMetadata: { x: { y: [1, 'z', null, { q: true }] } } },
    loadAssignment: { clusterName: 'a', endpoints: [{ lbEndpoints: [{ endpoint: { hostname: 'h' } }] }] },
    outlierDetection: { interval: '1.5s', consecutive5xx: 7 },
    commonLbConfig: { healthyPanicThreshold: { value: 1.5 } },
  };
  const plain = JSON.parse(JSON.stringify(tree));
  const type = messageType(CLUSTER);
  const theirs = fromJson(type, plain, { registry: apiRegistry() });
  assert.deepEqual(cluster(plain), theirs);
});

test('enums are taken by name in any case, and by number', () => {
  const types = (list: unknown[]) => list.map((type) => cluster({ type }).clusterDiscoveryType.value);
  assert.deepEqual(types(['STRICT_DNS', 'strict_dns', 'Strict_Dns', 1, '1', 77]), [1, 1, 1, 1, 1, 77]);
  assert.deepEqual(errorsOf({ lb_policy: 'ROUND_ROBBIN' }), [
    ": no value 'ROUND_ROBBIN' in Cluster.LbPolicy (did you mean 'ROUND_ROBIN'?)".replace(/^/, 'lb_policy'),
  ]);
  assert.match(
    errorsOf({ lb_policy: '1.0' })[0],
    /no value '1.0' in Cluster.LbPolicy \(it can be ROUND_ROBIN, LEAST_REQUEST/,
  );
});

test('numbers and booleans may be text, as in Envoy', () => {
  const limit = (value: unknown) => cluster({ per_connection_buffer_limit_bytes: value }).perConnectionBufferLimitBytes;
  assert.deepEqual([8080, '8080', '+5', '1e3', 1.0, '5.0', { value: 7 }].map(limit), [8080, 8080, 5, 1000, 1, 5, 7]);
  const flag = (value: unknown) => cluster({ respect_dns_ttl: value }).respectDnsTtl;
  assert.deepEqual([true, 'true', 'TRUE', 't', 'yes', '1'].map(flag), [true, true, true, true, true, true]);
  assert.deepEqual([false, 'false', 'F', 'no', '0'].map(flag), [false, false, false, false, false]);
});

test('64-bit integers are exact', () => {
  const type = 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';
  const max = (value: unknown) =>
    read<Message & { maxActiveDownstreamConnections: bigint }>(type, { max_active_downstream_connections: value })
      .message.maxActiveDownstreamConnections;
  assert.deepEqual(['9223372036854775807', 5, '-7', 1e15].map(max), [9223372036854775807n, 5n, -7n, 10n ** 15n]);
  assert.match(errorsOf({ max_active_downstream_connections: '9223372036854775808' }, type)[0], /out of range/);
});

test('a value of the wrong kind says what was expected and what was found', () => {
  const wrong: [object, string][] = [
    [{ name: 5 }, 'name: expected a string, got the number 5 (put it in quotes: "5")'],
    [{ name: true }, 'name: expected a string, got the boolean true (put it in quotes: "true")'],
    [{ name: ['a'] }, 'name: expected a string, got a list'],
    [{ name: 'a\ud800' }, 'name: this text has half a surrogate pair, which is no character'],
    [{ respect_dns_ttl: 1 }, 'respect_dns_ttl: expected true or false, got the number 1'],
    [{ respect_dns_ttl: 'on' }, 'respect_dns_ttl: expected true or false, got the text "on"'],
    [
      { per_connection_buffer_limit_bytes: 'x' },
      'per_connection_buffer_limit_bytes: expected a number, got the text "x"',
    ],
    [
      { per_connection_buffer_limit_bytes: 1.5 },
      'per_connection_buffer_limit_bytes: expected an integer, got the number 1.5',
    ],
    [
      { per_connection_buffer_limit_bytes: -1 },
      'per_connection_buffer_limit_bytes: -1 is out of range, it must be from 0 to 4294967295',
    ],
    [{ load_assignment: 'x' }, 'load_assignment: expected an object, got the text "x"'],
    [{ load_assignment: [] }, 'load_assignment: expected an object, got a list'],
    [{ metadata: { filter_metadata: [] } }, 'metadata.filter_metadata: expected an object, got a list'],
    [
      { metadata: { filter_metadata: { q: 5 } } },
      'metadata.filter_metadata["q"]: expected an object, got the number 5',
    ],
  ];
  for (const [tree, words] of wrong) assert.deepEqual(errorsOf(tree), [words]);
});

test('durations are read to the nanosecond, and near misses get a hint', () => {
  const span = (value: unknown) => {
    const { seconds, nanos } = cluster({ connect_timeout: value }).connectTimeout ?? { seconds: 0n, nanos: 0 };
    return [seconds, nanos];
  };
  assert.deepEqual(span('1.000000001s'), [1n, 1]);
  assert.deepEqual(span('-1.5s'), [-1n, -500_000_000]);
  assert.deepEqual(span({ seconds: '5', nanos: 7 }), [5n, 7]);
  assert.deepEqual(errorsOf({ connect_timeout: 5 }), [
    `connect_timeout: expected a duration such as "1.5s", got the number 5 (did you mean '5s'?)`,
  ]);
  assert.deepEqual(errorsOf({ connect_timeout: '250ms' }), [
    `connect_timeout: expected a duration such as "1.5s", got the text "250ms" (did you mean '0.25s'?)`,
  ]);
  for (const bad of ['.5s', '5.s', '5', '1e3s', '0.1234567891s', ''])
    assert.equal(errorsOf({ connect_timeout: bad }).length, 1);
  assert.deepEqual(errorsOf({ connect_timeout: '99999999999999s' }), [
    'connect_timeout: duration 99999999999999s is out of range',
  ]);
});

test('bytes are base64 of either alphabet, padded or not', () => {
  const bytes = (value: string) => {
    const { message, errors } = read<Message & { specifier: { value: Uint8Array } }>(
      'envoy.config.core.v3.DataSource',
      {
        inline_bytes: value,
      },
    );
    return errors.length > 0 ? errors : [...message.specifier.value];
  };
  assert.deepEqual(bytes('_-8='), [255, 239]);
  assert.deepEqual(bytes('/+8'), [255, 239]);
  assert.deepEqual(bytes('%%'), ['inline_bytes: expected bytes in base64, got the text "%%"']);
});

test('null is a field not given; in a list of messages it is an empty message', () => {
  assert.deepEqual(cluster({ name: null, load_assignment: null, type: null }), create(messageType(CLUSTER)));
  assert.equal(cluster({ load_assignment: { endpoints: [null] } }).loadAssignment?.endpoints.length, 1);
});

test('one value stands for a list of one', () => {
  assert.equal(cluster({ load_assignment: { endpoints: { priority: 1 } } }).loadAssignment?.endpoints[0].priority, 1);
});

test('two members of a oneof are an error that names both', () => {
  const type = 'envoy.config.core.v3.SocketAddress';
  assert.deepEqual(errorsOf({ address: 'a', port_value: 1, named_port: 'x' }, type), [
    "named_port: 'named_port' and 'port_value' are both set, and only one of them may be",
  ]);
  assert.deepEqual(errorsOf({ address: 'a', port_value: 1, named_port: null }, type), []);
});

test('an unknown field is named, with the field that was meant', () => {
  assert.deepEqual(errorsOf({ codec_typ: 'AUTO' }, HCM), [
    "codec_typ: no field 'codec_typ' in HttpConnectionManager (did you mean 'codec_type'?)",
  ]);
  assert.deepEqual(errorsOf({ codecTyp: 'AUTO' }, HCM), [
    "codecTyp: no field 'codecTyp' in HttpConnectionManager (did you mean 'codec_type'?)",
  ]);
  assert.deepEqual(errorsOf({ '<<': {}, __proto__x: 1 }), [
    "<<: no field '<<' in Cluster",
    "__proto__x: no field '__proto__x' in Cluster",
  ]);
});

test('allowUnknown warns of unknown fields and enum names, and leaves them out', () => {
  const { message, errors, warnings } = read<Cluster>(
    CLUSTER,
    { name: 'a', nmae: 'b', lb_policy: 'NEWEST' },
    { allowUnknown: true },
  );
  assert.equal(message.name, 'a');
  assert.deepEqual(errors, []);
  assert.deepEqual(warnings, ["nmae: no field 'nmae' in Cluster", "lb_policy: no value 'NEWEST' in Cluster.LbPolicy"]);
});

test('all errors are found at once', () => {
  const tree = { nmae: 'a', connect_timeout: 5, load_assignment: { endpoints: [{ priority: 'x' }, { priority: -1 }] } };
  assert.deepEqual(
    errorsOf(tree).map((error) => error.split(':')[0]),
    ['nmae', 'connect_timeout', 'load_assignment.endpoints[0].priority', 'load_assignment.endpoints[1].priority'],
  );
});

const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

test('an Any is read by its @type, and its bytes are those of the message', () => {
  const tree = { name: 'r', typed_config: { '@type': ROUTER, dynamic_stats: false, suppress_envoy_headers: true } };
  const { message } = read<Message & { configType: { value: never } }>(`${HCM.replace('Manager', '')}Manager`, {
    http_filters: [tree],
  });
  const filter = (message as unknown as { httpFilters: { configType: { value: never } }[] }).httpFilters[0];
  const any = filter.configType.value as { typeUrl: string; value: Uint8Array };
  const at = rootPlace(undefined, new Problems());
  const { type, message: router } = unpack(any as never, at);
  assert.equal(any.typeUrl, ROUTER);
  assert.ok(equals(type, fromBinary(type, any.value), router));
  assert.equal((router as unknown as { dynamicStats: boolean }).dynamicStats, false);
});

test('an Any of a well-known type has it under value', () => {
  const options = (any: object) => ({ typed_extension_protocol_options: { a: any } });
  const message = cluster(options({ '@type': 'type.googleapis.com/google.protobuf.Duration', value: '5s' }));
  assert.deepEqual([...message.typedExtensionProtocolOptions.a.value], [8, 5]);
  assert.match(
    errorsOf(options({ '@type': 'type.googleapis.com/google.protobuf.Duration', seconds: 5 }))[0],
    /an Any of google.protobuf.Duration has the fields '@type' and 'value' only/,
  );
});

test('what is wrong with an Any is told', () => {
  const wrong = (any: object) => errorsOf({ typed_extension_protocol_options: { a: any } })[0];
  const at = 'typed_extension_protocol_options["a"]';
  assert.equal(wrong({ x: 1 }), `${at}: '@type' is missing: it says which message this is`);
  assert.equal(wrong({ '@type': 5 }), `${at}.@type: expected a type URL, got the number 5`);
  assert.equal(
    wrong({ '@type': `${ROUTER.replace('Router', 'Roter')}` }),
    `${at}.@type: unknown type '${ROUTER.replace('Router', 'Roter')}' (did you mean '${ROUTER}'?)`,
  );
  assert.match(wrong({ '@type': 'foo.Bar' }), /'@type' must contain at least one \/ and a nonempty host; got: foo.Bar/);
  assert.match(
    wrong({ '@type': ROUTER, dynamic_stat: true }),
    /no field 'dynamic_stat' in Router \(did you mean 'dynamic_stats'\?\)/,
  );
});

test('a type of the same name elsewhere is suggested for an unknown type', () => {
  const old = 'type.googleapis.com/envoy.config.filter.http.router.v2.Router';
  assert.match(errorsOf({ typed_extension_protocol_options: { a: { '@type': old } } })[0], /did you mean '.*Router'\?/);
});

test('deprecated fields are warned of when they are set, with the words of Envoy', () => {
  assert.deepEqual(read(CLUSTER, { respect_dns_ttl: true }).warnings, [
    "respect_dns_ttl: Using deprecated option 'envoy.config.cluster.v3.Cluster.respect_dns_ttl' from file cluster.proto. This configuration will be removed from Envoy soon.",
  ]);
  assert.deepEqual(read(CLUSTER, { respect_dns_ttl: false }).warnings, []);
});

test('fields that are disallowed by default are refused', () => {
  const { errors } = read('envoy.config.route.v3.RateLimit.Action', { dynamic_metadata: { descriptor_key: 'a' } });
  assert.match(
    errors[0],
    /^dynamic_metadata: Using deprecated option 'envoy.config.route.v3.RateLimit.Action.dynamic_metadata'/,
  );
});

test('deprecated enum values are warned of, also when they are the default', () => {
  const source = 'envoy.config.core.v3.ConfigSource';
  assert.match(
    read(source, { ads: {}, resource_api_version: 'V2' }).warnings[0],
    /Using deprecated value V2 for enum '.*resource_api_version'/,
  );
  assert.match(read('envoy.config.core.v3.ApiConfigSource', {}).warnings[0], /Using the default now-deprecated value/);
});

test('messages may nest a hundred deep and no deeper', () => {
  const nested = (depth: number) => {
    let tree: object = { any_match: true };
    for (let i = 0; i < depth; i++) tree = { not_match: tree };
    return errorsOf(tree, 'envoy.config.listener.v3.ListenerFilterChainMatchPredicate');
  };
  assert.deepEqual(nested(50), []);
  assert.match(nested(20_000)[0], /nested more than 100 deep/);
});

test('free-form values keep what they hold, and may not nest without end', () => {
  const tree = { filter_metadata: { a: { b: [1, { c: null }], __proto__x: 'y' } } };
  const { message } = read<Message & { filterMetadata: object }>('envoy.config.core.v3.Metadata', tree);
  assert.deepEqual(message.filterMetadata, tree.filter_metadata);
  let deep: unknown = 1;
  for (let i = 0; i < 20_000; i++) deep = [deep];
  assert.match(errorsOf({ filter_metadata: { a: { deep } } }, 'envoy.config.core.v3.Metadata')[0], /nested/);
});

test('loadMessage reads a source, with places, and a binary one without', () => {
  const problems = new Problems();
  const type = messageType(CLUSTER);
  const { message, at } = loadMessage<Cluster>(type, sourceOf('name: a\nname: b\nx: 1\n', 'f.yaml'), problems);
  assert.equal(message.name, 'b');
  assert.deepEqual(
    problems.list.map(({ severity, line }) => [severity, line]),
    [
      ['warning', 2],
      ['error', 3],
    ],
  );
  assert.equal(at.field('name').problem('odd').problem.line, 2);
  const binary = toBinary(type, message);
  const source = { name: 'f.pb', text: '', tree: undefined, binary, warnings: [], locate: () => undefined };
  assert.equal(loadMessage<Cluster>(type, source, new Problems()).message.name, 'b');
});

test('a binary message with fields that its type lacks is refused, and a deprecated one warned of', () => {
  const type = messageType(CLUSTER);
  const load = (binary: number[], options = {}) => {
    const problems = new Problems();
    const source = {
      name: 'f.pb',
      text: '',
      tree: undefined,
      binary: new Uint8Array(binary),
      warnings: [],
      locate: () => undefined,
    };
    loadMessage(type, source, problems, options);
    return problems.list.map(({ severity, message }) => `${severity}: ${message}`);
  };
  const unknown =
    'Protobuf message (type envoy.config.cluster.v3.Cluster with unknown field set {2000}) has unknown fields';
  assert.deepEqual(load([0x80, 0x7d, 1]), [`error: ${unknown}`]);
  assert.deepEqual(load([0x80, 0x7d, 1], { allowUnknown: true }), [`warning: ${unknown}`]);
  assert.deepEqual(load([0xff, 0xff]), [
    'error: unable to parse the file as a binary protobuf (type envoy.config.cluster.v3.Cluster)',
  ]);
  assert.match(load([...toBinary(type, cluster({ respect_dns_ttl: true }))])[0], /^warning: Using deprecated option/);
});

test('whatever the tree, decoding notes problems and throws nothing', () => {
  const names = [...messageType(HCM).fields, ...messageType(CLUSTER).fields].map((field) => field.name);
  const key = fc.oneof(fc.constantFrom(...names, '@type', 'value', '__proto__', 'seconds'), fc.string());
  const leaf = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.string(),
    fc.constantFrom('5s', '1', ROUTER, 'AUTO'),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(
      tree,
      fc.constantFrom(HCM, CLUSTER, 'google.protobuf.Any', 'google.protobuf.Value'),
      fc.boolean(),
      (value, name, allowUnknown) => {
        const type = messageType(name);
        const { message, errors } = read(name, value, { allowUnknown });
        if (errors.length === 0) toBinary(type, message);
      },
    ),
    { numRuns: 3000 },
  );
});
