/**
 * A service that is asked whether a request may pass. Follows envoy.extensions.filters.http.ext_authz.v3.
 */
import type { Policy } from '#explain/policies/judge.ts';

export const externalAuthorization: Policy = (config, _, reader, before) => {
  // Istio has an RBAC filter before it note, in shadow, which requests are to be asked about.
  const noted = before.some(({ outcome, policy }) => outcome === 'notes' && policy?.startsWith('istio-ext-authz'));
  if (reader.has(config, 'filter_enabled_metadata') && !noted) return [];
  const http = reader.object(reader.object(config, 'http_service'), 'server_uri');
  const grpc = reader.object(reader.object(config, 'grpc_service'), 'envoy_grpc');
  const cluster = reader.text(http, 'cluster') || reader.text(grpc, 'cluster_name') || 'a service';
  const failing = reader.flag(config, 'failure_mode_allow') ? 'lets pass when it fails' : 'refuses when it fails';
  return [{ outcome: 'depends', why: `asks ${cluster}; ${failing}` }];
};
