/**
 * Why a TLS handshake failed, as Envoy prints it: with the numbers and names of BoringSSL's errors, found by those of OpenSSL, which Node
 * has. Shown as DOWNSTREAM_TRANSPORT_FAILURE_REASON and UPSTREAM_TRANSPORT_FAILURE_REASON,
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */

/** BoringSSL's number of an error: its library in the upper bits. */
const SSL_LIBRARY = 0x1000_0000;

/** Reasons by BoringSSL's names. Alerts of the peer are 1000 and the alert's own number. */
const REASONS: Record<string, number> = {
  APP_DATA_IN_HANDSHAKE: 100,
  BAD_ALERT: 102,
  BAD_CHANGE_CIPHER_SPEC: 103,
  BAD_ECPOINT: 108,
  BAD_LENGTH: 111,
  BAD_PACKET_LENGTH: 112,
  BAD_SIGNATURE: 114,
  CCS_RECEIVED_EARLY: 124,
  CERTIFICATE_VERIFY_FAILED: 125,
  CLIENTHELLO_TLSEXT: 132,
  DATA_LENGTH_TOO_LONG: 136,
  DECODE_ERROR: 137,
  DECRYPTION_FAILED: 138,
  DECRYPTION_FAILED_OR_BAD_RECORD_MAC: 139,
  DIGEST_CHECK_FAILED: 142,
  ENCRYPTED_LENGTH_TOO_LONG: 146,
  ERROR_PARSING_EXTENSION: 149,
  EXCESSIVE_MESSAGE_SIZE: 150,
  EXTRA_DATA_IN_MESSAGE: 151,
  HTTPS_PROXY_REQUEST: 155,
  HTTP_REQUEST: 156,
  INAPPROPRIATE_FALLBACK: 157,
  LENGTH_MISMATCH: 162,
  NO_RENEGOTIATION: 182,
  NO_SHARED_CIPHER: 184,
  PEER_DID_NOT_RETURN_A_CERTIFICATE: 192,
  UNEXPECTED_EXTENSION: 222,
  UNEXPECTED_MESSAGE: 223,
  UNEXPECTED_RECORD: 225,
  UNKNOWN_ALERT_TYPE: 227,
  UNKNOWN_PROTOCOL: 233,
  UNSUPPORTED_PROTOCOL: 240,
  WRONG_CIPHER_RETURNED: 242,
  WRONG_CURVE: 243,
  WRONG_SIGNATURE_TYPE: 245,
  WRONG_SSL_VERSION: 246,
  WRONG_VERSION_NUMBER: 247,
  NO_COMMON_SIGNATURE_ALGORITHMS: 253,
  MISSING_KEY_SHARE: 258,
  INVALID_ALPN_PROTOCOL: 259,
  TOO_MANY_KEY_UPDATES: 260,
  NO_SHARED_GROUP: 266,
  KEY_USAGE_BIT_INCORRECT: 302,
  NO_APPLICATION_PROTOCOL: 307,
  SSLV3_ALERT_CLOSE_NOTIFY: 1000,
  SSLV3_ALERT_UNEXPECTED_MESSAGE: 1010,
  SSLV3_ALERT_BAD_RECORD_MAC: 1020,
  TLSV1_ALERT_DECRYPTION_FAILED: 1021,
  TLSV1_ALERT_RECORD_OVERFLOW: 1022,
  SSLV3_ALERT_DECOMPRESSION_FAILURE: 1030,
  SSLV3_ALERT_HANDSHAKE_FAILURE: 1040,
  SSLV3_ALERT_NO_CERTIFICATE: 1041,
  SSLV3_ALERT_BAD_CERTIFICATE: 1042,
  SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 1043,
  SSLV3_ALERT_CERTIFICATE_REVOKED: 1044,
  SSLV3_ALERT_CERTIFICATE_EXPIRED: 1045,
  SSLV3_ALERT_CERTIFICATE_UNKNOWN: 1046,
  SSLV3_ALERT_ILLEGAL_PARAMETER: 1047,
  TLSV1_ALERT_UNKNOWN_CA: 1048,
  TLSV1_ALERT_ACCESS_DENIED: 1049,
  TLSV1_ALERT_DECODE_ERROR: 1050,
  TLSV1_ALERT_DECRYPT_ERROR: 1051,
  TLSV1_ALERT_EXPORT_RESTRICTION: 1060,
  TLSV1_ALERT_PROTOCOL_VERSION: 1070,
  TLSV1_ALERT_INSUFFICIENT_SECURITY: 1071,
  TLSV1_ALERT_INTERNAL_ERROR: 1080,
  TLSV1_ALERT_INAPPROPRIATE_FALLBACK: 1086,
  TLSV1_ALERT_USER_CANCELLED: 1090,
  TLSV1_ALERT_NO_RENEGOTIATION: 1100,
  TLSV1_ALERT_UNSUPPORTED_EXTENSION: 1110,
  TLSV1_ALERT_CERTIFICATE_UNOBTAINABLE: 1111,
  TLSV1_ALERT_UNRECOGNIZED_NAME: 1112,
  TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE: 1113,
  TLSV1_ALERT_BAD_CERTIFICATE_HASH_VALUE: 1114,
  TLSV1_ALERT_UNKNOWN_PSK_IDENTITY: 1115,
  TLSV1_ALERT_CERTIFICATE_REQUIRED: 1116,
  TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 1120,
};

/** What OpenSSL calls otherwise. */
const OTHER_NAMES: Record<string, string> = {
  BAD_EXTENSION: 'ERROR_PARSING_EXTENSION',
  NO_SUITABLE_KEY_SHARE: 'NO_SHARED_GROUP',
  NO_SUITABLE_GROUPS: 'NO_SHARED_GROUP',
  NO_SUITABLE_SIGNATURE_ALGORITHM: 'NO_COMMON_SIGNATURE_ALGORITHMS',
  PACKET_LENGTH_TOO_LONG: 'ENCRYPTED_LENGTH_TOO_LONG',
  TLSV13_ALERT_CERTIFICATE_REQUIRED: 'TLSV1_ALERT_CERTIFICATE_REQUIRED',
  TLSV1_UNSUPPORTED_EXTENSION: 'TLSV1_ALERT_UNSUPPORTED_EXTENSION',
  TLSV1_CERTIFICATE_UNOBTAINABLE: 'TLSV1_ALERT_CERTIFICATE_UNOBTAINABLE',
  TLSV1_UNRECOGNIZED_NAME: 'TLSV1_ALERT_UNRECOGNIZED_NAME',
  TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE: 'TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE',
  TLSV1_BAD_CERTIFICATE_HASH_VALUE: 'TLSV1_ALERT_BAD_CERTIFICATE_HASH_VALUE',
  VERSION_TOO_LOW: 'UNSUPPORTED_PROTOCOL',
};

const NODE_PREFIX = 'ERR_SSL_';

/** Added to the reason where it is this one. */
const NO_CERTIFICATE = 'PEER_DID_NOT_RETURN_A_CERTIFICATE';

/** What BoringSSL adds where a server refuses the hello as a whole. */
const HELLO_REFUSED = '|268435610:SSL routines:OPENSSL_internal:HANDSHAKE_FAILURE_ON_CLIENT_HELLO';

export interface TlsFailure {
  /** Envoy's text; empty where the connection just ended. */
  reason: string;
  /** Which counter it adds to, besides none. */
  counted: 'connectionError' | 'failVerifyNoCert' | undefined;
}

/**
 * @param error what Node's socket failed with.
 * @param answersHello it came instead of an answer to our hello.
 */
export function tlsFailure(error: NodeJS.ErrnoException, answersHello = false): TlsFailure {
  const { code } = error;
  if (code === undefined || !code.startsWith(NODE_PREFIX)) return { reason: '', counted: undefined };
  const name = boringName(code.slice(NODE_PREFIX.length));
  // The end of the connection is no error of TLS.
  if (name === 'UNEXPECTED_EOF_WHILE_READING') return { reason: '', counted: undefined };
  if (name === NO_CERTIFICATE) {
    return {
      reason: reasonText(name, 'peer did not provide required client certificate'),
      counted: 'failVerifyNoCert',
    };
  }
  const also = answersHello && name === 'SSLV3_ALERT_HANDSHAKE_FAILURE' ? HELLO_REFUSED : '';
  return { reason: reasonText(name, '', also), counted: 'connectionError' };
}

/** Envoy's text for a certificate of the peer's that was refused. @param details such as `verify cert failed: cert hash and spki` */
export function verifyFailureReason(details: string): string {
  return reasonText('CERTIFICATE_VERIFY_FAILED', details);
}

function reasonText(name: string, details = '', also = ''): string {
  const number = SSL_LIBRARY + (REASONS[name] ?? 0);
  return `TLS_error:|${number}:SSL routines:OPENSSL_internal:${name}${details === '' ? '' : `:${details}`}${also}:TLS_error_end`;
}

function boringName(openssl: string): string {
  const name = openssl.replace(/^SSL\/TLS_ALERT_/, 'SSLV3_ALERT_');
  return OTHER_NAMES[name] ?? name;
}
