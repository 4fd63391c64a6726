/**
 * The command operators of formats and how each is written, so that a format is checked where it is configured. What they say of a stream
 * is known where they are compiled, in proxy/observe/format.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import { PLAIN_DIALECT } from '#config/model/cel.ts';
import { planCel } from '#config/syntax/cel.ts';
import { parseCoalesce } from '#config/syntax/format-coalesce.ts';
import { type Command, parseFormat } from '#config/syntax/parse-format.ts';

interface OperatorSyntax {
  /** What may stand in parentheses after the name. */
  params: 'none' | 'optional' | 'required';
  /** Whether `:Z`, a length, may follow. */
  length: boolean;
  /** @throws Error with Envoy's words where the argument is wrong */
  check?(argument: string): void;
  /** The formatter extension that brings it; undefined: it is always there. */
  formatter?: string;
}

export const REQ_WITHOUT_QUERY_FORMATTER = 'envoy.formatter.req_without_query';

/**
 * @param formatters the formatter extensions that the format has, by name
 * @throws Error with Envoy's words: an operator is unknown, or written wrongly, or one that we cannot answer.
 */
export function checkFormat(format: string, formatters: readonly string[] = [REQ_WITHOUT_QUERY_FORMATTER]): void {
  for (const piece of parseFormat(format)) {
    if (typeof piece !== 'string' && !checkCommand(piece, formatters)) {
      throw new Error(`Not supported field in StreamInfo: ${piece.name}`);
    }
  }
}

/**
 * @returns false where there is no such operator
 * @throws Error with Envoy's words where it is written wrongly
 */
function checkCommand({ name, argument, maxLength }: Command, formatters: readonly string[] = []): boolean {
  const syntax = operatorSyntax.get(name);
  if (syntax === undefined) return false;
  const { params, length, formatter } = syntax;
  if (formatter !== undefined && !formatters.includes(formatter)) return false;
  if (params === 'none' && (argument !== '' || maxLength !== undefined)) {
    throw new Error(`${name} does not take any parameters or length`);
  }
  if (params === 'required' && argument === '') throw new Error(`${name} requires parameters`);
  if (!length && maxLength !== undefined) throw new Error(`${name} does not allow length to be specified.`);
  syntax.check?.(argument);
  return true;
}

const header: OperatorSyntax = { params: 'required', length: true, check: checkHeaders };
const time: OperatorSyntax = { params: 'optional', length: false, check: checkTimeFormat };
const metadata: OperatorSyntax = { params: 'required', length: false };
const filterState: OperatorSyntax = { params: 'optional', length: true, check: checkFilterState };
const masked: OperatorSyntax = { params: 'optional', length: false };
const alone: OperatorSyntax = { params: 'none', length: false };

const withArguments: { readonly [name: string]: OperatorSyntax } = {
  REQ: header,
  REQUEST_HEADER: header,
  STREAM_INFO_REQ: header,
  REQ_WITHOUT_QUERY: {
    params: 'optional',
    length: true,
    check: checkHeaders,
    formatter: REQ_WITHOUT_QUERY_FORMATTER,
  },
  RESP: header,
  RESPONSE_HEADER: header,
  TRAILER: header,
  RESPONSE_TRAILER: header,
  START_TIME: time,
  START_TIME_LOCAL: time,
  EMIT_TIME: time,
  EMIT_TIME_LOCAL: time,
  DOWNSTREAM_PEER_CERT_V_START: time,
  DOWNSTREAM_PEER_CERT_V_END: time,
  UPSTREAM_PEER_CERT_V_START: time,
  UPSTREAM_PEER_CERT_V_END: time,
  DYNAMIC_METADATA: { params: 'required', length: true },
  CLUSTER_METADATA: metadata,
  UPSTREAM_METADATA: metadata,
  METADATA: { params: 'optional', length: true, check: checkMetadataType },
  FILTER_STATE: filterState,
  UPSTREAM_FILTER_STATE: filterState,
  COMMON_DURATION: { params: 'required', length: false, check: checkDuration },
  ENVIRONMENT: { params: 'required', length: true },
  QUERY_PARAM: { params: 'required', length: true },
  QUERY_PARAMS: { params: 'optional', length: true, check: options('QUERY_PARAMS', ['ORIG', 'DECODED']) },
  PATH: { params: 'optional', length: true, check: options('PATH', ['WQ', 'NQ'], ['ORIG', 'PATH', 'ORIG_OR_PATH']) },
  REQUESTED_SERVER_NAME: {
    params: 'optional',
    length: false,
    check: options('REQUESTED_SERVER_NAME', ['SNI_ONLY', 'SNI_FIRST', 'HOST_FIRST'], ['ORIG_OR_HOST', 'HOST', 'ORIG']),
  },
  RESPONSE_CODE_DETAILS: { params: 'optional', length: false },
  GRPC_STATUS: { params: 'optional', length: false, check: checkGrpcForm },
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: masked,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: masked,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: masked,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: masked,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: masked,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: masked,
  COALESCE: {
    params: 'required',
    length: true,
    check: (argument) => void parseCoalesce(argument, (command) => checkCommand(command)),
  },
  CEL: { params: 'optional', length: true, check: (source) => void planCel({ source, dialect: PLAIN_DIALECT }) },
};

/** Operators that are their names alone. */
const names = `
ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS
DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID
DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION
DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS
DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256
DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL
DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS
DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION
DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME
GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY PACKETS_RETRANSMITTED PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES
REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES
RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID
STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID
UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON
UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN
UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER
UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED
UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME`;

const operatorSyntax = new Map<string, OperatorSyntax>([
  ...Object.entries(withArguments),
  ...names
    .trim()
    .split(/\s+/)
    .map((name): [string, OperatorSyntax] => [name, alone]),
]);

/** Every operator that Envoy knows. */
export const operatorNames: readonly string[] = [...operatorSyntax.keys()];

/** A field's name (RFC 9110, section 5.1), or a pseudo header's. */
const HEADER_NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]*$/;

function checkHeaders(argument: string): void {
  const headers = argument.toLowerCase().split('?');
  if (headers.length > 2) throw new Error(`More than 1 alternative header specified in token: ${argument}`);
  if (!headers.every((name) => HEADER_NAME.test(name))) {
    throw new Error('Invalid header configuration. Format string contains invalid characters.');
  }
}

const NEWLINE = /%[-_0^#]*[1-9]*(?:E|O)?n/;

function checkTimeFormat(argument: string): void {
  if (NEWLINE.test(argument)) throw new Error('Invalid header configuration. Format string contains newline.');
}

const METADATA_TYPES = [
  'DYNAMIC',
  'CLUSTER',
  'ROUTE',
  'UPSTREAM_HOST',
  'LISTENER',
  'LISTENER_FILTER_CHAIN',
  'VIRTUAL_HOST',
];

function checkMetadataType(argument: string): void {
  const [type] = argument.split(':');
  if (!METADATA_TYPES.includes(type)) throw new Error(`${type} is not supported type of metadata`);
}

/** `KEY`, `KEY:PLAIN`, `KEY:TYPED`, `KEY:FIELD:NAME`. */
function checkFilterState(argument: string): void {
  const [key, form = '', field = ''] = argument.split(':');
  if (key === '') throw new Error('Invalid filter state configuration, key cannot be empty.');
  if (!['', 'PLAIN', 'TYPED', 'FIELD'].includes(form)) {
    throw new Error('Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.');
  }
  if ((form === 'FIELD') !== (field !== '')) {
    throw new Error('Invalid filter state serialize type, FIELD should be used with the field name.');
  }
}

function checkDuration(argument: string): void {
  const parts = argument.split(':');
  if (parts.length < 2 || parts.length > 3) throw new Error(`Invalid common duration configuration: ${argument}.`);
  const [, , unit = 'ms'] = parts;
  if (!['ms', 'us', 'ns'].includes(unit)) throw new Error(`Invalid common duration precision: ${unit}.`);
}

function checkGrpcForm(argument: string): void {
  if (!['', 'CAMEL_STRING', 'SNAKE_STRING', 'NUMBER'].includes(argument)) {
    throw new Error(`GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: ${argument}`);
  }
}

/** Options by their place between colons, each empty or one of those allowed; further ones are passed over, as by Envoy. */
function options(name: string, ...allowed: string[][]): (argument: string) => void {
  return (argument) => {
    const given = argument.split(':');
    for (const [i, words] of allowed.entries()) {
      const option = given[i] ?? '';
      if (option !== '' && !words.includes(option)) {
        const list = words.map((word) => `'${word}'`).join('/');
        throw new Error(`Invalid ${name} option: '${option}', only ${list} are allowed`);
      }
    }
  };
}
