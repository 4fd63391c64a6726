/** Who the client is, by extensions that detect its address: what is logged, forwarded, refused, and how the configuration is judged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, fileAccessLog, httpListener, type Json, routeConfig, typed } from '#testing/bootstrap.ts';
import { alike } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';
import { agree, verdict } from './verdict.ts';

const FORMAT = [
  '%DOWNSTREAM_REMOTE_ADDRESS% xff=%REQ(x-forwarded-for)% internal=%REQ(x-envoy-internal)%',
  'proto=%REQ(x-forwarded-proto)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%',
].join(' ');

const range = (address_prefix: string, prefix_len: number): Json => ({ address_prefix, prefix_len });
const extension = (type: string, fields: Json): Json => ({
  name: type,
  typed_config: typed(`extensions.http.original_ip_detection.${type}`, fields),
});
const header = (fields: Json = {}) =>
  extension('custom_header.v3.CustomHeaderConfig', { header_name: 'X-Real-IP', ...fields });
const xff = (fields: Json = {}) => extension('xff.v3.XffConfig', fields);
const trusted = (...cidrs: Json[]): Json => ({ xff_trusted_cidrs: { cidrs } });
const near = [range('127.0.0.0', 8), range('10.0.0.0', 8)];

const DETECTORS: Record<string, Json[]> = {
  none: [],
  'a header': [header()],
  'a trusted header': [header({ allow_extension_to_set_address_as_trusted: true })],
  'a header or 401': [header({ reject_with_status: { code: 'Unauthorized' } })],
  'a header or what is no error': [header({ reject_with_status: { code: 'OK' } })],
  'the last of xff': [xff()],
  'the last but one of xff': [xff({ xff_num_trusted_hops: 1 })],
  'xff, to which the peer is added': [xff({ skip_xff_append: false })],
  'the last stranger of xff': [xff(trusted(...near))],
  'the last stranger of xff, to which the peer is added': [xff({ skip_xff_append: false, ...trusted(...near) })],
  'xff from somebody else': [xff(trusted(range('192.168.0.0', 16)))],
  'a header, else xff': [header(), xff({ skip_xff_append: false })],
};

const REQUESTS: string[][] = [
  [],
  ['x-real-ip: 9.9.9.9'],
  ['x-real-ip: 10.1.2.3'],
  ['x-real-ip: nobody'],
  ['x-real-ip: ::1'],
  ['x-real-ip: 9.9.9.9:80'],
  ['x-real-ip: 8.8.8.8', 'x-real-ip: 9.9.9.9'],
  ['x-forwarded-for: 1.1.1.1'],
  ['x-forwarded-for: 10.9.9.9'],
  ['x-forwarded-for: 1.1.1.1, 10.2.2.2'],
  ['x-forwarded-for: 1.1.1.1,2.2.2.2, 10.2.2.2', 'x-forwarded-proto: https'],
  ['x-forwarded-for: 10.9.9.9,10.8.8.8'],
  ['x-forwarded-for: 1.1.1.1, nobody, 10.8.8.8'],
  ['x-forwarded-for: 1.1.1.1', 'x-real-ip: 9.9.9.9'],
];

const manager = (original_ip_detection_extensions: Json[]): Json => ({
  ...(original_ip_detection_extensions.length > 0 && { original_ip_detection_extensions }),
  internal_address_config: { cidr_ranges: [range('10.0.0.0', 8)] },
  ...routeConfig([{ match: { prefix: '/' }, direct_response: { status: 200 } }]),
});

alike('the client is who Envoy says', {
  bootstrap: () =>
    bootstrap(
      Object.entries(DETECTORS).map(([name, detectors]) => {
        const access_log = [fileAccessLog(LOG_FILE, `${name} %REQ(x-case)%: ${FORMAT}`)];
        return httpListener({ name, manager: { ...manager(detectors), access_log } });
      }),
    ),
  async run({ connect, note }) {
    for (const name of Object.keys(DETECTORS)) {
      for (const [i, fields] of REQUESTS.entries()) {
        const wire = await connect(name);
        await wire.send(['GET / HTTP/1.1', 'host: a', `x-case: ${i}`, ...fields, '', ''].join('\r\n'));
        const { status, body } = await wire.response();
        note(`${name} ${fields}: ${status} ${body}`);
        wire.destroy();
      }
    }
  },
  stats: /rejected_via_ip_detection/,
  lines: Object.keys(DETECTORS).length * REQUESTS.length,
});

const REFUSED: Record<string, Json> = {
  'beside the remote address': { use_remote_address: true, original_ip_detection_extensions: [header()] },
  'beside trusted hops': { xff_num_trusted_hops: 1, original_ip_detection_extensions: [header()] },
  'hops and networks': { original_ip_detection_extensions: [xff({ xff_num_trusted_hops: 1, ...trusted(...near) })] },
  'a header without a name': { original_ip_detection_extensions: [header({ header_name: '' })] },
};

for (const [name, fields] of Object.entries(REFUSED)) {
  test(`refused as by Envoy: ${name}`, (t) => {
    const both = verdict(t, bootstrap([httpListener({ manager: { ...manager([]), ...fields } })]));
    assert.ok(both.envoy !== '' && agree(both), JSON.stringify(both, undefined, 2));
  });
}
