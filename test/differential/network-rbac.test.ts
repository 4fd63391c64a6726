/**
 * Access control of connections: what is let pass, counted and noted, ours and real Envoy with the same bootstrap.
 */
import { bootstrap, downstreamTls, fileAccessLog, type Json, typed } from '#testing/bootstrap.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { alike, type TcpSubject } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';
import { filter, tcpListener } from './tcp-filters.ts';

const FORMAT = [
  'flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS% termination=%CONNECTION_TERMINATION_DETAILS%',
  '%DYNAMIC_METADATA(envoy.filters.network.rbac)% %DYNAMIC_METADATA(envoy.common)% received=%BYTES_RECEIVED%',
].join(' ');

const ANY = { any: true };

/** Rules of one policy. */
function policy(permission: Json, principal: Json = ANY, action = 'ALLOW'): Json {
  return { action, policies: { 'the policy': { permissions: [permission], principals: [principal] } } };
}

function controlled(fields: Json, listener: Json = {}): Json {
  const rbac = filter('rbac', 'rbac.v3.RBAC', { stat_prefix: 'p.', ...fields });
  const logs = { access_log: [fileAccessLog(LOG_FILE, FORMAT)] };
  return bootstrap([tcpListener([rbac, filter('echo', 'echo.v3.Echo')], { ...logs, ...listener })]);
}

/** One connection that says something: is it answered, or closed? */
const asks: TcpSubject['run'] = async ({ connect, note }) => {
  const wire = await connect();
  await wire.send('a');
  await wire.something();
  note(`${wire.received} ${wire.ending ?? 'open'}`);
};

function alikeFor(name: string, fields: Json): void {
  alike(name, { bootstrap: () => controlled(fields), run: asks, stats: /rbac\./, lines: 1 });
}

const local = { address_prefix: '127.0.0.0', prefix_len: 8 };
const remote = { address_prefix: '10.0.0.0', prefix_len: 8 };

alikeFor('an allowing policy that matches', { rules: policy(ANY) });
alikeFor('an allowing policy that does not match', { rules: policy(ANY, { direct_remote_ip: remote }) });
alikeFor('a denying policy that matches', { rules: policy({ destination_ip: local }, ANY, 'DENY') });
alikeFor('a denying policy that does not match', { rules: policy({ destination_port: 1 }, ANY, 'DENY') });
alikeFor('no policy at all', { rules: {} });
alikeFor('neither rules nor a matcher', {});
alikeFor('a policy that only logs', { rules: policy(ANY, ANY, 'LOG') });
alikeFor('a policy that would log, and does not match', { rules: policy({ destination_port: 1 }, ANY, 'LOG') });
alikeFor('shadow rules deny what the rules allow', {
  rules: policy(ANY),
  shadow_rules: policy(ANY, ANY, 'DENY'),
});
alikeFor('shadow rules under a prefix of their own allow what the rules deny', {
  rules: policy({ not_rule: ANY }),
  shadow_rules: policy(ANY),
  shadow_rules_stat_prefix: 'dry_',
});
alikeFor('ports, networks, and what is made of them', {
  rules: policy(
    {
      and_rules: {
        rules: [
          { destination_port_range: { start: 1, end: 65_536 } },
          { or_rules: { rules: [{ destination_ip: remote }, { destination_ip: local }] } },
          { not_rule: { requested_server_name: { exact: 'other' } } },
          { url_path: { path: { prefix: '/' } } },
        ],
      },
    },
    ANY,
    'DENY',
  ),
});
alikeFor('who asks, and what is made of that', {
  rules: policy(ANY, {
    and_ids: {
      ids: [
        { source_ip: local },
        { remote_ip: local },
        { not_id: { authenticated: {} } },
        { or_ids: { ids: [{ metadata: { filter: 'a', path: [{ key: 'k' }], value: { present_match: false } } }] } },
        { not_id: { filter_state: { key: 'envoy.string', string_match: { exact: 'x' } } } },
      ],
    },
  }),
});

alikeFor('metadata that is not to be there', {
  rules: policy({ metadata: { filter: 'a', path: [{ key: 'k' }], value: { present_match: false } } }),
});
alikeFor('metadata that is to be there', {
  rules: policy({ metadata: { filter: 'a', path: [{ key: 'k' }], value: { present_match: true }, invert: true } }),
});

alike('a denial after a while', {
  bootstrap: () => controlled({ rules: policy({ not_rule: ANY }), delay_deny: '0.2s' }),
  async run({ connect, note }) {
    const wire = await connect();
    await wire.send('a');
    note(await wire.closed());
  },
  stats: /rbac\./,
  lines: 1,
});

alike('a policy that is asked each time', {
  bootstrap: () => controlled({ rules: policy(ANY), shadow_rules: policy(ANY), enforcement_type: 'CONTINUOUS' }),
  async run({ connect, note }) {
    const wire = await connect();
    for (const count of [1, 2, 3]) {
      await wire.send('a');
      while (wire.received.length < count) await new Promise((resolve) => setImmediate(resolve));
    }
    note(wire.received);
  },
  stats: /rbac\./,
  lines: 1,
});

function byMatcher(entry: string): Json {
  const action = (name: string, kind: string) => ({
    action: { name: 'action', typed_config: typed('config.rbac.v3.Action', { name, action: kind }) },
  });
  const input = {
    name: 'ip',
    typed_config: typed('extensions.matching.common_inputs.network.v3.SourceIPInput'),
  };
  return {
    matcher_tree: { input, exact_match_map: { map: { [entry]: action('known', 'ALLOW') } } },
    ...(entry === '127.0.0.1' ? {} : { on_no_match: action('strangers', 'DENY') }),
  };
}

alikeFor('a generic matcher that allows', { matcher: byMatcher('127.0.0.1') });
alikeFor('a generic matcher that denies', { matcher: byMatcher('10.0.0.1') });
alikeFor('a generic matcher in the shadow, which goes before shadow rules', {
  matcher: byMatcher('127.0.0.1'),
  shadow_matcher: byMatcher('10.0.0.1'),
  shadow_rules: policy(ANY),
});

const server = signed('server.test');
const client = signed('client', ['URI:spiffe://mesh/client', 'DNS:client.test']);

function secured(principal: Json): Json {
  const certificate = { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } };
  const validation_context = { trusted_ca: { inline_string: testAuthority().cert } };
  const tls = downstreamTls({ tls_certificates: [certificate], validation_context });
  const tree = controlled({ rules: policy(ANY, principal) }) as { static_resources: { listeners: Json[] } };
  const [listener] = tree.static_resources.listeners as { filter_chains: Json[] }[];
  listener.filter_chains = [{ ...listener.filter_chains[0], ...tls }];
  return tree;
}

const san = (type: string, exact: string) => ({
  custom: {
    name: 'mtls',
    typed_config: typed('extensions.rbac.principals.mtls_authenticated.v3.Config', {
      san_matcher: { san_type: type, matcher: { exact } },
    }),
  },
});

for (const [name, principal] of Object.entries({
  'any certificate': { authenticated: {} },
  'the URI of the certificate': { authenticated: { principal_name: { exact: 'spiffe://mesh/client' } } },
  'the DNS name of the certificate': { authenticated: { principal_name: { exact: 'client.test' } } },
  'the subject of the certificate': { authenticated: { principal_name: { contains: 'CN=client' } } },
  'a certificate with a name of one kind': san('URI', 'spiffe://mesh/client'),
  'a certificate without that name of that kind': san('DNS', 'spiffe://mesh/client'),
})) {
  alike(`TLS: ${name}`, {
    bootstrap: () => secured(principal),
    async run({ connect, note }) {
      for (const certificate of [client, undefined]) {
        const wire = await connect('in', { tls: { cert: certificate?.cert, key: certificate?.key } });
        await wire.send('a');
        await wire.something();
        note(`${certificate !== undefined} ${wire.received} ${wire.ending ?? 'open'}`);
      }
    },
    stats: /rbac\./,
    lines: 2,
  });
}
