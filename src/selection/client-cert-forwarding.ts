/**
 * Which rule holds for what the next hop is told of the client's certificate.
 * Follows HttpConnectionManager.forward_client_cert_details and forward_client_cert_matcher.
 */
import type { ClientCertForwarding, HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { compileMatcher } from '#selection/matcher-tree.ts';
import type { RequestView } from '#selection/request-view.ts';

/** @returns the rule for a request. */
export function compileClientCert({
  clientCert,
  clientCertMatcher,
}: HttpConnectionManager): (request: RequestView) => ClientCertForwarding {
  if (clientCertMatcher === undefined) return () => clientCert;
  const matcher = compileMatcher(clientCertMatcher, (forwarding) => forwarding);
  return (request) => matcher(request) ?? clientCert;
}
