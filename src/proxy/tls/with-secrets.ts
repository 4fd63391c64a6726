/**
 * A TLS context with what its secrets are now. Follows extensions.transport_sockets.tls.v3.SdsSecretConfig and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
 */
import type { CommonTls, DownstreamTls, SecretValue, TlsCertificate } from '#config/model/tls.ts';
import { mergeValidation } from '#config/read/merge-validation.ts';

export type FindSecret = (key: string) => SecretValue | undefined;

/** The keys of the secrets that the context uses. */
export function secretKeys({ secrets }: CommonTls): string[] {
  const { certificates = [], validation, sessionTicketKeys } = secrets ?? {};
  const keys = certificates.flatMap((one) => ('key' in one && typeof one.key === 'string' ? [one.key] : []));
  if (validation !== undefined) keys.push(validation.key);
  if (sessionTicketKeys !== undefined) keys.push(sessionTicketKeys.key);
  return keys;
}

/** @returns the context with its secrets filled in; undefined while one of them is not there yet. */
export function withSecrets<Tls extends CommonTls>(tls: Tls, find: FindSecret): Tls | undefined {
  const { secrets } = tls;
  if (secrets === undefined) return tls;
  const filled = { ...tls };
  if (secrets.certificates !== undefined) {
    const certificates = secrets.certificates.map((one) => certificateOf(one, find));
    if (certificates.includes(undefined)) return undefined;
    filled.certificates = certificates as TlsCertificate[];
  }
  if (secrets.validation !== undefined) {
    const { key, under } = secrets.validation;
    const found = find(key);
    if (found?.kind !== 'validationContext') return undefined;
    filled.validation = under === undefined ? found.validation : mergeValidation(under, found.validation);
  }
  if (secrets.sessionTicketKeys !== undefined) {
    const found = find(secrets.sessionTicketKeys.key);
    if (found?.kind !== 'sessionTicketKeys') return undefined;
    (filled as unknown as DownstreamTls).sessionTicketKeys = found.keys;
  }
  return filled;
}

function certificateOf(one: TlsCertificate | { key: string }, find: FindSecret): TlsCertificate | undefined {
  if ('chain' in one) return one;
  const found = find(one.key);
  return found?.kind === 'tlsCertificate' ? found.certificate : undefined;
}
