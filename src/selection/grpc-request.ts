/**
 * What a request of gRPC calls.
 * Follows https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Requests")
 */

export interface GrpcCall {
  /** With its package: `pkg.Service`. */
  service: string;
  method: string;
}

/** The service and method that a path calls; undefined where it is not of that form. @param path may have a query */
export function grpcCall(path: string): GrpcCall | undefined {
  const query = path.indexOf('?');
  const parts = (query < 0 ? path : path.slice(0, query)).split('/');
  if (parts.length !== 3 || parts[0] !== '' || parts[1] === '' || parts[2] === '') return undefined;
  return { service: parts[1], method: parts[2] };
}
