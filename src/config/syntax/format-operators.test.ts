import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFormat } from '#config/syntax/format-operators.ts';

/** What real Envoy 1.40 says of each format when it starts; empty: nothing. */
const verdicts: [format: string, verdict: string][] = [
  ['', ''],
  ['plain', ''],
  ['%%', ''],
  ['%PROTOCOL%', ''],
  ['%PROTOCOL()%', ''],
  ['%FOO%', 'Not supported field in StreamInfo: FOO'],
  ['%PER_REQUEST_STATE(x)%', 'Not supported field in StreamInfo: PER_REQUEST_STATE'],
  ['%PROTOCOL(a)%', 'PROTOCOL does not take any parameters or length'],
  ['%PROTOCOL:3%', 'PROTOCOL does not take any parameters or length'],
  ['%REQ%', 'REQ requires parameters'],
  ['%REQ()%', 'REQ requires parameters'],
  ['%START_TIME(%s):3%', 'START_TIME does not allow length to be specified.'],
  ['%REQ(a', "Incorrect configuration: %REQ(a. Couldn't find valid command at position 0"],
  ['%REQ(a):%', "Incorrect configuration: %REQ(a):%. Couldn't find valid command at position 0"],
  ['%REQ(a) %', "Incorrect configuration: %REQ(a) %. Couldn't find valid command at position 0"],
  ['%protocol%', "Incorrect configuration: %protocol%. Couldn't find valid command at position 0"],
  ['50%', "Incorrect configuration: 50%. Couldn't find valid command at position 2"],
  ['%%%', "Incorrect configuration: %%%. Couldn't find valid command at position 2"],
  [
    '%REQ(a):99999999999999999999%',
    "Incorrect configuration: %REQ(a):99999999999999999999%. Couldn't find valid command at position 0",
  ],
  ['%REQ(a):0%', ''],
  ['%REQ(a%b)%', ''],
  ['%REQ(a?b)%', ''],
  ['%REQ(?b)%', ''],
  ['%REQ(a?b?c)%', 'More than 1 alternative header specified in token: a?b?c'],
  ['%RESP(a b)%', 'Invalid header configuration. Format string contains invalid characters.'],
  ['%REQ(a)b)%', 'Invalid header configuration. Format string contains invalid characters.'],
  ['%START_TIME(%n)%', 'Invalid header configuration. Format string contains newline.'],
  ['%METADATA(ROUTE)%', ''],
  ['%METADATA(:a)%', ' is not supported type of metadata'],
  ['%FILTER_STATE%', 'Invalid filter state configuration, key cannot be empty.'],
  ['%FILTER_STATE(a:X)%', 'Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.'],
  ['%FILTER_STATE(a:FIELD)%', 'Invalid filter state serialize type, FIELD should be used with the field name.'],
  ['%PATH(NQ:PATH:x)%', ''],
  ['%PATH(a)%', "Invalid PATH option: 'a', only 'WQ'/'NQ' are allowed"],
  ['%PATH(NQ:x)%', "Invalid PATH option: 'x', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"],
  ['%QUERY_PARAMS(a)%', "Invalid QUERY_PARAMS option: 'a', only 'ORIG'/'DECODED' are allowed"],
  [
    '%REQUESTED_SERVER_NAME(SNI_ONLY:x)%',
    "Invalid REQUESTED_SERVER_NAME option: 'x', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed",
  ],
  ['%COMMON_DURATION(a)%', 'Invalid common duration configuration: a.'],
  ['%COMMON_DURATION(a:b:c)%', 'Invalid common duration precision: c.'],
  ['%GRPC_STATUS(a)%', 'GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: a'],
  ['%COALESCE({"operators":["PROTOCOL"]})%', ''],
  ['%COALESCE({})%', "COALESCE: JSON configuration must contain 'operators' array"],
  ['%COALESCE({"operators":[]})%', "COALESCE: 'operators' array must not be empty"],
  ['%COALESCE({"operators":["FOO"]})%', "COALESCE: failed to parse operator at index 0: unknown command: 'FOO'"],
  ['%COALESCE({"operators":["REQ"]})%', 'COALESCE: failed to parse operator at index 0: REQ requires parameters'],
  [
    '%COALESCE({"operators":[{"command":"REQ","param":"a","max_length":0}]})%',
    "COALESCE: failed to parse operator at index 0: 'max_length' must be a positive integer",
  ],
];

for (const [format, verdict] of verdicts) {
  test(`${format || 'an empty format'} is ${verdict === '' ? 'accepted' : 'refused in the words of Envoy'}`, () => {
    assert.equal(complaint(format), verdict);
  });
}

function complaint(format: string): string {
  try {
    checkFormat(format);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
