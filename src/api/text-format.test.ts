import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonObject } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { toText } from '#api/text-format.ts';

function text(typeName: string, fields: JsonObject): string {
  const type = messageType(typeName);
  return toText(type, fromJson(type, fields));
}

test('set fields stand one a line in the order of their numbers, messages in braces', () => {
  const cluster = {
    connect_timeout: '1.5s',
    name: 'c',
    type: 'STRICT_DNS',
    lb_policy: 'ROUND_ROBIN',
    dns_resolvers: [{ pipe: { path: 'a' } }, { pipe: { path: 'b' } }],
  };
  assert.equal(
    text('envoy.config.cluster.v3.Cluster', cluster),
    `name: "c"
type: STRICT_DNS
connect_timeout {
  seconds: 1
  nanos: 500000000
}
dns_resolvers {
  pipe {
    path: "a"
  }
}
dns_resolvers {
  pipe {
    path: "b"
  }
}
`,
  );
});

test('lists of numbers and texts, and maps, stand entry by entry', () => {
  assert.equal(
    text('envoy.config.core.v3.Metadata', { filter_metadata: { ns: { a: 1 } } }),
    `filter_metadata {
  key: "ns"
  value {
    fields {
      key: "a"
      value {
        number_value: 1
      }
    }
  }
}
`,
  );
  assert.equal(
    text('envoy.config.core.v3.Locality', { region: '', zone: 'z' }) +
      text('google.protobuf.FieldMask', 'a,b' as never),
    'zone: "z"\npaths: "a"\npaths: "b"\n',
  );
});

test('bytes that are not printable are escaped', () => {
  const bytes = Buffer.from([0, 9, 10, 13, 34, 39, 92, 127, 200, 65]).toString('base64');
  assert.equal(
    text('envoy.config.core.v3.DataSource', { inline_bytes: bytes }),
    'inline_bytes: "\\000\\t\\n\\r\\"\\\'\\\\\\177\\310A"\n',
  );
});
