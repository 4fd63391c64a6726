/**
 * Options of sockets as plain data. Follows envoy.config.core.v3.SocketOption.
 */
export interface SocketOption {
  level: number;
  name: number;
  /** A number, as the system keeps it (32 bits), or bytes. */
  value: number | Uint8Array;
  /** When it is set: before the socket is bound, after that, or once it listens. */
  state: 'PREBIND' | 'BOUND' | 'LISTENING';
  /** Only for sockets of that version of IP; undefined: of both. */
  ipVersion?: 4 | 6;
}
