import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Json } from '#config/model/route.ts';
import { compileFormat, compileFormatConfig } from '#proxy/observe/format/compile-format.ts';
import { systemFormatContext } from '#proxy/observe/format/format-context.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import { streamInfo } from '#testing/stream-info.ts';

/** What real Envoy 1.40 wrote of one request, for each format; strings of bytes. */
interface Answer {
  format: Json;
  /** As a value of a JSON format. */
  json: string;
  /** The same with omit_empty_values; null: left out. */
  omitted: string | null;
  /** As a text format, where the format is a string; and the same with omit_empty_values. */
  text?: string;
  bare?: string;
}

const [facts, ...answers] = readFileSync(new URL('./testdata/answers.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line)) as [{ startSeconds: number; startMicroseconds: number }, ...Answer[]];

const ZONE = 'America/New_York';
process.env.TZ = ZONE;

const context = { ...systemFormatContext, environment: { H1ENV: 'valu\u00e9' } };

for (const { format, json, omitted, text, bare } of answers) {
  test(`${JSON.stringify(format)} says what Envoy says`, () => {
    const info = recordedStream();
    if (typeof format === 'string') {
      assert.equal(compileFormat(format, '-', context).format(info), text);
      assert.equal(compileFormat(format, '', context).format(info), bare);
    }
    assert.equal(jsonLine(format, false, info), `{"k":${json}}\n`);
    assert.equal(jsonLine(format, true, info), omitted === null ? '{}\n' : `{"k":${omitted}}\n`);
  });
}

function jsonLine(value: Json, omitEmptyValues: boolean, info: StreamInfo): string {
  const config = { omitEmptyValues, contentType: '', sortProperties: false };
  return compileFormatConfig({ ...config, body: { kind: 'json', json: { k: value } } }, context).format(info);
}

/** The request that the answers are about, as Envoy saw it. */
function recordedStream(): StreamInfo {
  const path = '/r/../p%41?q=hello&flag&e=&enc=%41%2f+x';
  const metadata = {
    ns: {
      s: 'str\u00e9',
      n: 1,
      f: 1.25,
      b: true,
      nl: null,
      l: [1, 'a', null],
      o: { i: { z: 1, a: 2 } },
      big: 12345678901234568,
      u: '\u2028\x7f"',
      small: 1e-9,
    },
  };
  const info = streamInfo({
    startTime: facts.startSeconds * 1000 + facts.startMicroseconds / 1000,
    protocol: 'HTTP/1.1',
    upstreamProtocol: 'HTTP/1.1',
    accessLogType: 'DownstreamEnd',
    responseCode: 200,
    responseCodeDetails: 'via_upstream',
    method: 'GET',
    path: `/new${path}`,
    originalPath: path,
    host: 'rewritten',
    scheme: 'http',
    attemptCount: 1,
    remoteAddress: '127.0.0.1:55460',
    clusterName: 'up',
    cluster: { name: 'up', statName: 'altup', metadata },
    requestHeaders: {
      'user-agent': 'agent',
      'x-quote': 'a"b\\c\td/',
      'x-bytes': 'caf\xc3\xa9',
      'x-bad': 'a\xffb"',
      'x-two': '1',
      'x-empty': '',
      'x-envoy-original-path': path,
      'x-envoy-original-host': 'ex.test:80',
    },
    connection: {
      localAddress: '127.0.0.1:21810',
      directRemoteAddress: '127.0.0.1:55460',
      filterChainName: 'chain',
      listenerName: 'lis\u00e9',
      listenerMetadata: { ns: { a: 'L' } },
      filterChainMetadata: { ns: { a: 'F' } },
    },
    upstream: {
      host: '127.0.0.1:21811',
      hostname: 'h.test:99',
      hostMetadata: { ns: { a: 'H' } },
      localAddress: '127.0.0.1:56842',
      remoteAddress: '127.0.0.1:21811',
      connectionId: 2,
    },
    responseHeaders: { 'x-up': 'yes' },
  });
  info.requestHeaders.add('x-two', '2');
  info.route = { name: 'route', metadata } as unknown as StreamInfo['route'];
  info.virtualHost = { name: 'vh', metadata: { ns: { a: 'V' } } } as unknown as StreamInfo['virtualHost'];
  return info;
}
