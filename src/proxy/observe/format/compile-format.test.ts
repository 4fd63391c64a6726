import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { operatorNames } from '#config/syntax/format-operators.ts';
import { compileFormat, compileFormatConfig } from '#proxy/observe/format/compile-format.ts';
import { compiledNames } from '#proxy/observe/format/compile-operator.ts';
import { systemFormatContext } from '#proxy/observe/format/format-context.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { streamInfo } from '#testing/stream-info.ts';

const json = { omitEmptyValues: false, contentType: '', sortProperties: false };

test('every operator that is accepted can be compiled, and no other', () => {
  assert.deepEqual([...compiledNames].sort(), [...operatorNames].sort());
});

test('the texts around operators stand as they are, and %% is a percent sign', () => {
  assert.equal(compileFormat('100%% [%PROTOCOL%]\n').format(streamInfo()), '100% [HTTP/1.1]\n');
});

test('what has nothing to say is a hyphen, or nothing where empty values are omitted', () => {
  assert.equal(compileFormat('<%REQ(x)%>').format(streamInfo()), '<->');
  assert.equal(compileFormat('<%REQ(x)%>', '').format(streamInfo()), '<>');
});

test('text of the configuration is written as the bytes of UTF-8', () => {
  assert.equal(compileFormat('\u2192 %PROTOCOL%').format(streamInfo()), '\xe2\x86\x92 HTTP/1.1');
});

test('header values are bytes, and lengths count bytes', () => {
  const info = streamInfo({ requestHeaders: { x: 'caf\xc3\xa9' } });
  assert.equal(compileFormat('%REQ(X):4%').format(info), 'caf\xc3');
});

test('in a JSON format a lone operator keeps its type, and a line ends with a line break', () => {
  const body = {
    kind: 'json' as const,
    json: {
      code: '%RESPONSE_CODE%',
      text: 'code %RESPONSE_CODE%',
      none: '%REQ(x)%',
      n: 1.5,
      b: true,
      list: ['%PROTOCOL%'],
    },
  };
  assert.equal(
    compileFormatConfig({ ...json, body }).format(streamInfo()),
    '{"b":true,"code":200,"list":["HTTP/1.1"],"n":1.5,"none":null,"text":"code 200"}\n',
  );
});

test('a JSON format that omits empty values leaves out nulls and objects that became empty, not lists', () => {
  const body = {
    kind: 'json' as const,
    json: { a: '%REQ(x)%', b: { c: '%REQ(x)%' }, d: ['%REQ(x)%'], e: '-%REQ(x)%' },
  };
  assert.equal(
    compileFormatConfig({ ...json, omitEmptyValues: true, body }).format(streamInfo()),
    '{"d":[],"e":"-"}\n',
  );
});

test('JSON strings are valid whatever the bytes', () => {
  const formatter = compileFormatConfig({ ...json, body: { kind: 'json', json: { k: '%REQ(x)%' } } });
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const value = Buffer.from(bytes).toString('latin1');
      const line = formatter.format(streamInfo({ requestHeaders: { x: value } }));
      const { k } = JSON.parse(Buffer.from(line, 'latin1').toString()) as { k: string };
      assert.ok(k === Buffer.from(bytes).toString() || k === value);
    }),
  );
});

test('any text compiles, or is refused with a message', () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('%', '%%', '(', ')', ':', '1', '?', '%START_TIME(', '%E*S', '%COALESCE({"operators":["'),
    fc.constantFrom(...operatorNames).map((name) => `%${name}%`),
    fc.tuple(fc.constantFrom(...operatorNames), fc.string()).map(([name, argument]) => `%${name}(${argument}):3%`),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.boolean(), (pieces, asJson) => {
      const text = pieces.join('');
      try {
        const body = asJson ? { kind: 'json' as const, json: { [text]: text } } : { kind: 'text' as const, text };
        const line = compileFormatConfig({ ...json, body }).format(streamInfo());
        assert.equal(Buffer.from(line, 'latin1').toString('latin1'), line);
        if (asJson) JSON.parse(line);
      } catch (error) {
        assert.ok(
          error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError),
          String(error),
        );
        assert.notEqual(error.message, '');
      }
    }),
    { numRuns: 2000 },
  );
});

test('durations are cut to whole milliseconds, and missing where a mark is', () => {
  const info = streamInfo({
    marks: {
      start: 100,
      lastDownstreamRxByte: 101.9,
      firstUpstreamRxByte: 105.2,
      lastDownstreamTxByte: 110.1,
      complete: 112.7,
    },
  });
  assert.equal(
    compileFormat(
      '%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %REQUEST_TX_DURATION%',
    ).format(info),
    '12 1 5 4 -',
  );
  assert.equal(
    compileFormat('%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)% %COMMON_DURATION(US_RX_BEG:DS_RX_END)%').format(info),
    '5200 -',
  );
});

test('the duration of a stream that goes on is the time since it began', () => {
  const clock = new FakeClock();
  const context = { ...systemFormatContext, clock };
  const info = streamInfo({ marks: { start: clock.now() } });
  clock.advance(1234);
  assert.equal(compileFormat('%DURATION%', '-', context).format(info), '1234');
});

test('unique ids differ each time they are written', () => {
  let last = 0;
  const context = { ...systemFormatContext, random: { uuid: () => `id-${++last}` } };
  assert.equal(compileFormat('%UNIQUE_ID% %UNIQUE_ID%', '-', context).format(streamInfo()), 'id-1 id-2');
});

test('addresses are written whole, without their port, masked, or as the port alone', () => {
  const info = streamInfo({ remoteAddress: '[2001:db8:1:2::3]:80', connection: { localAddress: '/run/a.sock' } });
  assert.equal(
    compileFormat(
      '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(48)% %DOWNSTREAM_REMOTE_PORT%',
    ).format(info),
    '[2001:db8:1:2::3]:80 2001:db8:1:2::3 2001:db8:1::/48 80',
  );
  assert.equal(
    compileFormat('%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_LOCAL_PORT%|%UPSTREAM_REMOTE_PORT%').format(
      info,
    ),
    '/run/a.sock||-',
  );
});

test('a gRPC status is named from trailers, headers or the HTTP status, for gRPC requests alone', () => {
  const format = compileFormat('%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%');
  const requestHeaders = { 'content-type': 'application/grpc+proto' };
  assert.equal(format.format(streamInfo({ responseTrailers: { 'grpc-status': '0' } })), '- - -');
  assert.equal(
    format.format(streamInfo({ requestHeaders, responseTrailers: { 'grpc-status': '1' } })),
    'Canceled CANCELLED 1',
  );
  assert.equal(
    format.format(streamInfo({ requestHeaders, responseHeaders: { 'grpc-status': '14' } })),
    'Unavailable UNAVAILABLE 14',
  );
  assert.equal(
    format.format(streamInfo({ requestHeaders, responseCode: 403 })),
    'PermissionDenied PERMISSION_DENIED 7',
  );
});

test('filter state is written plain, typed or by a field', () => {
  const filterState = new Map<string, unknown>([
    ['name', 'v"'],
    ['object', { a: 1, b: ['x'] }],
  ]);
  const info = streamInfo({ filterState });
  assert.equal(compileFormat('%FILTER_STATE(name:PLAIN)% %FILTER_STATE(name)%').format(info), 'v" "v\\""');
  assert.equal(
    compileFormat('%FILTER_STATE(object)% %FILTER_STATE(object:FIELD:a)% %FILTER_STATE(none)%').format(info),
    '{"a":1,"b":["x"]} 1 -',
  );
});

test('response flags are named short and long', () => {
  const flags = (1 << 5) | (1 << 15);
  assert.equal(
    compileFormat('%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%').format(streamInfo({ flags })),
    'URX,UF UpstreamRetryLimitExceeded,UpstreamConnectionFailure',
  );
});

test('blanks in response-code details become underscores unless they are asked for', () => {
  const info = streamInfo({ responseCodeDetails: 'a b' });
  assert.equal(
    compileFormat('%RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%').format(info),
    'a_b a b',
  );
});
