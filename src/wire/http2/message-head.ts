/**
 * The pseudo headers of one message (RFC 9113, section 8.3). One object serves all messages of a session.
 */

export interface MessageHead {
  /** Requests: '' where absent. */
  method: string;
  scheme: string;
  authority: string;
  path: string;
  /** Extended CONNECT (RFC 8441). */
  protocol: string;
  /** Responses; 0 for requests. */
  status: number;
  /** Bytes of the header block on the wire, frame headers included. */
  wireBytes: number;
  /** Sum of the lengths of names and values, pseudo headers included. */
  fieldBytes: number;
}
