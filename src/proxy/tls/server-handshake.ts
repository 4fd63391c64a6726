/**
 * One handshake with a client. The hello is read from the plain socket first: Node's TLS would end the connection of a client whose ALPN
 * protocols we do not have, where Envoy goes on without one; and it says which certificate, suites and OCSP response to use.
 */
import type { X509Certificate } from 'node:crypto';
import type { OnReadOpts } from 'node:net';
import type { DownstreamTlsContext, ServerChoice } from '#proxy/tls/downstream-context.ts';
import { ServerTlsSocket } from '#proxy/tls/server-tls-socket.ts';
import { signatureOf } from '#proxy/tls/signature-name.ts';
import { tlsFailure, verifyFailureReason } from '#proxy/tls/tls-failure.ts';
import { HandshakeInfo } from '#proxy/tls/tls-info.ts';
import { type OwnedSocket, own, type SocketHandle, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import { type ClientHello, parseClientHello } from '#wire/tls/client-hello.ts';

/** Called in the middle of an event of the socket; one of them, once. */
export interface HandshakeCallbacks {
  /** `socket` reads into what `accept` was given; its other events are the receiver's from now on. */
  onSecure(socket: ServerTlsSocket, info: HandshakeInfo): void;
  /** The connection is gone, or about to be. @param reason Envoy's text, empty where the client just left; @param info what is known. */
  onFailure(reason: string, info: HandshakeInfo): void;
}

export class ServerHandshake implements SocketOwner {
  private readonly context: DownstreamTlsContext;
  private readonly onread: OnReadOpts;
  private readonly callbacks: HandshakeCallbacks;
  private accepted: OwnedSocket | undefined;
  private socket: ServerTlsSocket | undefined;
  private seen: Buffer | undefined;
  private hello: ClientHello | undefined;
  private choice: ServerChoice | undefined;
  private failure = '';
  private failed: HandshakeInfo | undefined;
  private over = false;

  /** @param early what was read of the socket before */
  constructor(
    context: DownstreamTlsContext,
    accepted: OwnedSocket,
    early: Buffer | undefined,
    onread: OnReadOpts,
    callbacks: HandshakeCallbacks,
  ) {
    this.context = context;
    this.onread = onread;
    this.callbacks = callbacks;
    this.accepted = accepted;
    own(accepted, this, false);
    if (early !== undefined) this.look(early);
  }

  /** Gives up, for instance since it took too long. Nothing is called back. */
  cancel(): void {
    this.over = true;
    this.accepted?.destroy();
    this.socket?.destroy();
  }

  onRead(count: number, bytes: Buffer): void {
    if (this.over) return;
    const chunk = bytes.subarray(0, count);
    this.look(this.seen === undefined ? Buffer.from(chunk) : Buffer.concat([this.seen, chunk]));
  }

  private look(bytes: Buffer): void {
    const hello = parseClientHello(bytes);
    if (hello.kind === 'incomplete') this.seen = bytes;
    else this.begin(hello.kind === 'hello' ? hello : undefined, bytes);
  }

  private begin(hello: ClientHello | undefined, bytes: Buffer): void {
    const handle = this.takeHandle();
    this.hello = hello;
    this.choice = this.context.choose(hello);
    this.seen = undefined;
    const { secureContext, identity, alpn, ocspStaple, refused } = this.choice;
    const socket = new ServerTlsSocket({
      handle,
      secureContext,
      identity,
      requestCert: this.context.requestsCertificate,
      requireCert: this.context.requiresCertificate,
      alpn,
      onread: this.onread,
      allowHalfOpen: false,
    });
    this.socket = socket;
    socket.disableRenegotiation();
    socket.on('error', this.onTlsError);
    socket.on('close', this.onTlsClose);
    if (refused) {
      socket.destroy();
      return;
    }
    socket.on('secure', this.onSecure);
    this.context.keyLog?.follow(socket);
    if (ocspStaple !== undefined) socket.staple(ocspStaple);
    socket.receive(bytes);
  }

  /** The system's end of the accepted socket. Nobody hears of the end of that one, which would cost 30 us. */
  private takeHandle(): SocketHandle {
    const accepted = this.accepted as OwnedSocket;
    this.accepted = undefined;
    accepted.owner = undefined;
    const holder = accepted as unknown as { _handle: SocketHandle | null };
    const handle = holder._handle as SocketHandle;
    holder._handle = null;
    return handle;
  }

  private readonly onSecure = (): void => {
    const socket = this.socket as ServerTlsSocket;
    const { validation, counters, requestsCertificate } = this.context;
    const peer = requestsCertificate ? socket.getPeerX509Certificate() : undefined;
    const verdict = peer === undefined ? undefined : validation.verify(peer, socket.verifyError());
    if (verdict !== undefined && verdict.problem !== '') {
      this.failure = verifyFailureReason(verdict.problem);
      this.failed = this.info(peer, false);
      socket.destroy();
      return;
    }
    const info = this.info(peer, verdict?.validated ?? false);
    counters.handshakeDone({
      version: info.version,
      cipher: info.cipher,
      curve: this.choice?.curve ?? '',
      signatureAlgorithm: peer === undefined ? '' : signatureOf(peer),
      sessionReused: socket.isSessionReused(),
      peerPresented: peer !== undefined,
    });
    this.over = true;
    socket.off('error', this.onTlsError);
    socket.off('close', this.onTlsClose);
    socket.off('secure', this.onSecure);
    releaseControl(socket);
    this.callbacks.onSecure(socket, info);
  };

  private readonly onTlsError = (error: NodeJS.ErrnoException): void => {
    const { reason, counted } = tlsFailure(error);
    this.failure = reason;
    if (counted !== undefined) this.context.counters.stats[counted].inc();
  };

  private readonly onTlsClose = (): void => {
    if (this.over) return;
    this.over = true;
    this.callbacks.onFailure(this.failure, this.failed ?? this.info(undefined, false));
  };

  /** The client left before its hello was there. */
  onEnd(): void {
    if (this.over) return;
    this.over = true;
    this.accepted?.destroy();
    this.callbacks.onFailure('', this.info(undefined, false));
  }

  onClose(): void {
    this.onEnd();
  }

  onDrain(): void {}

  private get isOpen(): boolean {
    return this.socket?.destroyed === false;
  }

  private info(peerCertificate: X509Certificate | undefined, peerValidated: boolean): HandshakeInfo {
    const { socket } = this;
    return new HandshakeInfo({
      version: (this.isOpen && socket?.getProtocol()) || this.context.versionFor(this.hello),
      cipher: (this.isOpen && socket?.getCipher()?.name) || '',
      group: this.choice?.curve ?? '',
      sessionId: '',
      alpn: this.choice?.alpnName ?? '',
      serverName: this.hello?.serverName ?? '',
      peerValidated,
      peerCertificate,
      localCertificate: this.choice?.certificate,
    });
  }
}

/** Errors of the connection go to the socket's 'error' event from now on, as tls.Server arranges it. */
function releaseControl(socket: ServerTlsSocket): void {
  (socket as unknown as { _releaseControl(): void })._releaseControl();
}
