/**
 * The stats of a TLS context, downstream or upstream. What a handshake chose is counted by name, when it is first seen.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type TlsStats = ReturnType<typeof tlsStats>;
export type TlsSocketFactoryStats = ReturnType<typeof tlsSocketFactoryStats>;

/**
 * @param scope `listener.<address>.ssl` or `cluster.<name>.ssl`. Below it also, made when first seen: `ciphers.<cipher>`,
 * `curves.<curve>`, `sigalgs.<algorithm>`, `versions.<version>` (all by OpenSSL's names).
 */
export function tlsStats(scope: Scope) {
  return {
    handshake: scope.counter('handshake'),
    sessionReused: scope.counter('session_reused'),
    /** The handshake failed, other than by verification. */
    connectionError: scope.counter('connection_error'),
    /** Handshakes that ended well with no certificate of the peer's. */
    noCertificate: scope.counter('no_certificate'),
    /** Refused: a client certificate is required and none came. */
    failVerifyNoCert: scope.counter('fail_verify_no_cert'),
    /** Refused: the chain does not lead to a trusted CA. */
    failVerifyError: scope.counter('fail_verify_error'),
    failVerifySan: scope.counter('fail_verify_san'),
    failVerifyCertHash: scope.counter('fail_verify_cert_hash'),
    ocspStapleFailed: scope.counter('ocsp_staple_failed'),
    ocspStapleOmitted: scope.counter('ocsp_staple_omitted'),
    ocspStapleResponses: scope.counter('ocsp_staple_responses'),
    ocspStapleRequests: scope.counter('ocsp_staple_requests'),
  };
}

/** @param scope `listener.<address>.server_ssl_socket_factory` or `cluster.<name>.client_ssl_socket_factory`. */
export function tlsSocketFactoryStats(scope: Scope) {
  return {
    sslContextUpdateBySds: scope.counter('ssl_context_update_by_sds'),
    upstreamContextSecretsNotReady: scope.counter('upstream_context_secrets_not_ready'),
    downstreamContextSecretsNotReady: scope.counter('downstream_context_secrets_not_ready'),
  };
}
