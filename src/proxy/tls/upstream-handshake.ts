/**
 * One handshake with an upstream host, and what comes of it: the verdict on its certificate, counters, why it failed.
 */
import type { X509Certificate } from 'node:crypto';
import type { EphemeralKeyInfo, TLSSocket } from 'node:tls';
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

export class UpstreamHandshake {
  private readonly context: UpstreamTlsContext;
  private readonly socket: TLSSocket;
  private readonly serverName: string;
  private readonly expectedNames: readonly string[];
  private readonly callbacks: UpstreamHandshakeCallbacks;

  /** @param expectedNames names of which the certificate must have one */
  constructor(
    context: UpstreamTlsContext,
    socket: TLSSocket,
    serverName: string,
    expectedNames: readonly string[],
    callbacks: UpstreamHandshakeCallbacks,
  ) {
    this.context = context;
    this.socket = socket;
    this.serverName = serverName;
    this.expectedNames = expectedNames;
    this.callbacks = callbacks;
    socket.on('secureConnect', this.onSecure);
    socket.on('error', this.onError);
    socket.on('session', (session) => context.keepSession(session));
    if (context.keyLog !== undefined) socket.on('keylog', context.keyLog.write);
  }

  private readonly onSecure = (): void => {
    const { socket, context } = this;
    const peer = socket.getPeerX509Certificate();
    const verdict =
      peer === undefined ? undefined : context.validation.verify(peer, verifyError(socket), this.expectedNames);
    if (verdict !== undefined && verdict.problem !== '') {
      this.callbacks.onFailure(verifyFailureReason(verdict.problem));
      socket.destroy();
      return;
    }
    const info = this.info(peer, context.validation.asks && (verdict?.validated ?? false));
    const reused = socket.isSessionReused();
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

  private readonly onError = (error: NodeJS.ErrnoException): void => {
    const { reason, counted } = tlsFailure(error);
    if (counted !== undefined) this.context.counters.stats[counted].inc();
    if (reason !== '') this.callbacks.onFailure(reason);
  };

  private info(peerCertificate: X509Certificate | undefined, peerValidated: boolean): HandshakeInfo {
    const { socket } = this;
    return new HandshakeInfo({
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      sessionId: '',
      alpn: socket.alpnProtocol === false || socket.alpnProtocol === null ? '' : socket.alpnProtocol,
      serverName: this.serverName,
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

function curveOf(key: EphemeralKeyInfo | object | null): string {
  const name = key !== null && 'name' in key ? (key.name ?? '') : '';
  return name === 'prime256v1' ? 'P-256' : name;
}
