/**
 * The gRPC status of a response, by name or number: from its trailers, its headers, or what its HTTP status comes to.
 * Follows https://grpc.github.io/grpc/core/md_doc_statuscodes.html and
 * https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 */
import {
  type NumberOf,
  numberOperator,
  type Operator,
  type OperatorTable,
  textOperator,
} from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

const CAMEL = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];
const SNAKE = CAMEL.map((name) =>
  name === 'Canceled' ? 'CANCELLED' : name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
);

/** A status that is no number. */
const INVALID = -1;
const STATUS_OF_HTTP: { readonly [code: number]: number } = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

export const grpcOperators: OperatorTable = {
  GRPC_STATUS(form) {
    if (form === 'NUMBER') return numberOperator(grpcStatus);
    return named(form === 'SNAKE_STRING' ? SNAKE : CAMEL);
  },
  GRPC_STATUS_NUMBER: () => numberOperator(grpcStatus),
};

function named(names: readonly string[]): Operator {
  return textOperator((info) => {
    const status = grpcStatus(info);
    return status === undefined ? undefined : (names[status] ?? String(status));
  });
}

/** @returns undefined where the request was no gRPC */
const grpcStatus: NumberOf = (info: StreamInfo) => {
  if (!isGrpc(info.requestHeaders.get('content-type'))) return undefined;
  const text = info.responseTrailers?.get('grpc-status') ?? info.responseHeaders.get('grpc-status');
  if (text !== undefined && text !== '') return /^[0-9]+$/.test(text) ? Number(text) : INVALID;
  return info.responseCode === 0 ? undefined : (STATUS_OF_HTTP[info.responseCode] ?? UNKNOWN);
};

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|\+)/.test(contentType);
}
