/**
 * A validation context over another.
 * Follows envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext.
 */
import type { ValidationContext } from '#config/model/tls.ts';

/** The default of a combined context, with what the secret says over it, as protobuf merges messages. */
export function mergeValidation(under: ValidationContext, over: ValidationContext): ValidationContext {
  return {
    ...under,
    ...over,
    verifyCertificateSpki: [...under.verifyCertificateSpki, ...over.verifyCertificateSpki],
    verifyCertificateHash: [...under.verifyCertificateHash, ...over.verifyCertificateHash],
    matchSubjectAltNames: [...under.matchSubjectAltNames, ...over.matchSubjectAltNames],
    onlyVerifyLeafCrl: under.onlyVerifyLeafCrl || over.onlyVerifyLeafCrl,
    allowExpiredCertificate: under.allowExpiredCertificate || over.allowExpiredCertificate,
    trustChainVerification:
      over.trustChainVerification === 'VERIFY_TRUST_CHAIN' ? under.trustChainVerification : over.trustChainVerification,
  };
}
