/**
 * One handshake with an upstream host, and what comes of it: the verdict on its certificate, counters, why it failed.
 */
import type { X509Certificate } from 'node:crypto';
import type { EphemeralKeyInfo, TLSSocket } from 'node:tls';
import type { ExpectedName, Verdict } from '#proxy/tls/peer-validation.ts';
import { signatureOf } from '#proxy/tls/signature-name.ts';
import { tlsFailure, verifyFailureReason } from '#proxy/tls/tls-failure.ts';
import { HandshakeInfo } from '#proxy/tls/tls-info.ts';
import type { UpstreamTlsContext } from '#proxy/tls/upstream-context.ts';

/** Called in the middle of an event of the socket. */
export interface UpstreamHandshakeCallbacks {
  onSecure(info: HandshakeInfo): void;
  /** TLS failed, in the handshake or later, and the socket is about to close. @param reason Envoy's text */
  onFailure(reason: string): void;
}

/** A session that may go on, and whose certificate it began with. */
export interface KeptSession {
  session: Buffer;
  peer: X509Certificate;
}

/** What one handshake goes by. */
export interface HandshakeTerms {
  /** As sent; may be empty. */
  serverName: string;
  expected: ExpectedName | undefined;
  resumed: KeptSession | undefined;
}

const NO_CERTIFICATE: Verdict = { problem: 'verify cert failed: no certificate', validated: false };

export class UpstreamHandshake {
  private readonly context: UpstreamTlsContext;
  private readonly socket: TLSSocket;
  private readonly terms: HandshakeTerms;
  private readonly callbacks: UpstreamHandshakeCallbacks;
  private done = false;
  private accepted: X509Certificate | undefined = undefined;

  constructor(
    context: UpstreamTlsContext,
    socket: TLSSocket,
    terms: HandshakeTerms,
    callbacks: UpstreamHandshakeCallbacks,
  ) {
    this.context = context;
    this.socket = socket;
    this.terms = terms;
    this.callbacks = callbacks;
    socket.on('secureConnect', this.onSecure);
    socket.on('error', this.onError);
    socket.on('session', this.onSession);
    context.keyLog?.follow(socket);
  }

  private readonly onSecure = (): void => {
    const { socket, context } = this;
    this.done = true;
    const reused = socket.isSessionReused();
    // Node shows no certificate where a session goes on.
    const peer = socket.getPeerX509Certificate() ?? (reused ? this.terms.resumed?.peer : undefined);
    const verdict =
      peer === undefined ? NO_CERTIFICATE : context.validation.verify(peer, verifyError(socket), this.terms.expected);
    if (verdict.problem !== '' && (peer !== undefined || context.validation.asks)) {
      this.callbacks.onFailure(verifyFailureReason(verdict.problem));
      socket.destroy();
      return;
    }
    this.accepted = peer;
    const info = this.info(peer, context.validation.asks && verdict.validated);
    context.counters.handshakeDone({
      version: info.version,
      cipher: info.cipher,
      curve: curveOf(socket.getEphemeralKeyInfo()),
      signatureAlgorithm: peer === undefined ? '' : signatureOf(peer),
      sessionReused: reused,
      peerPresented: peer !== undefined,
    });
    this.callbacks.onSecure(info);
  };

  private readonly onSession = (session: Buffer): void => {
    if (this.accepted !== undefined) this.context.keepSession({ session, peer: this.accepted });
  };

  private readonly onError = (error: NodeJS.ErrnoException): void => {
    const { reason, counted } = tlsFailure(error, !this.done);
    if (counted !== undefined) this.context.counters.stats[counted].inc();
    if (reason !== '') this.callbacks.onFailure(reason);
  };

  private info(peerCertificate: X509Certificate | undefined, peerValidated: boolean): HandshakeInfo {
    const { socket } = this;
    return new HandshakeInfo({
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      group: curveOf(socket.getEphemeralKeyInfo()),
      sessionId: '',
      alpn: socket.alpnProtocol === false || socket.alpnProtocol === null ? '' : socket.alpnProtocol,
      serverName: this.terms.serverName,
      peerValidated,
      peerCertificate,
      localCertificate: this.context.certificate,
    });
  }
}

/** What is wrong with the chain, or null. Node's public property has the code alone. */
function verifyError(socket: TLSSocket): NodeJS.ErrnoException | null {
  return (socket as unknown as { _handle: { verifyError(): NodeJS.ErrnoException | null } })._handle.verifyError();
}

/** OpenSSL's names of curves, where Envoy has others. */
const CURVES: Record<string, string> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
  x25519: 'X25519',
};

function curveOf(key: EphemeralKeyInfo | object | null): string {
  const name = key !== null && 'name' in key ? (key.name ?? '') : '';
  return CURVES[name] ?? name;
}
