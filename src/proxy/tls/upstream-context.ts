/**
 * TLS with the hosts of a cluster on one worker: what we show and ask for, sessions to take up again, and the verdict on what comes back.
 * Follows extensions.transport_sockets.tls.v3.UpstreamTlsContext and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl
 */
import type { X509Certificate } from 'node:crypto';
import { isIP, type OnReadOpts, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { UpstreamTls } from '#config/model/tls.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { cipherGroups, cipherString } from '#proxy/tls/cipher-suites.ts';
import { KeyLogging } from '#proxy/tls/key-log.ts';
import { type ExpectedName, PeerValidation } from '#proxy/tls/peer-validation.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';
import { contextOptions } from '#proxy/tls/secure-context-options.ts';
import { TlsCounters } from '#proxy/tls/tls-counters.ts';
import { type KeptSession, UpstreamHandshake, type UpstreamHandshakeCallbacks } from '#proxy/tls/upstream-handshake.ts';

/** What one connection asks for. */
export interface UpstreamTlsRequest {
  /** The server name that the request gave (auto_sni); empty: the configured one. */
  serverName: string;
  /** The host's name, for auto_host_sni; may be empty. */
  hostname: string;
  /** The certificate must be for `serverName` (auto_san_validation). */
  verifiesServerName: boolean;
  /** What ALPN offers where the context names no protocols. */
  alpn: readonly string[];
}

/** Where to connect to and from, as `net.connect` takes it. */
export type ConnectTarget = Partial<TcpNetConnectOpts> & {
  path?: string;
  /** One that is connected. */
  socket?: Socket;
};

/** Versions are those of Envoy: a client speaks no TLS 1.3 unless it is told to. */
const DEFAULT_MAX_VERSION = 'TLSv1.2';

export class UpstreamTlsContext {
  readonly validation: PeerValidation;
  readonly counters: TlsCounters;
  /** What we show; undefined: nothing. */
  readonly certificate: X509Certificate | undefined;
  readonly keyLog: KeyLogging | undefined;
  private readonly tls: UpstreamTls;
  private readonly secureContext: SecureContext;
  /** Sessions to take up again, the newest first. */
  private readonly sessions: KeptSession[] = [];

  /** @param scope the cluster's stats. @throws where OpenSSL does not take what the readers let through. */
  constructor(tls: UpstreamTls, scope: Scope) {
    this.tls = tls;
    const [certificate] = tls.certificates;
    this.certificate = certificate === undefined ? undefined : certificatesOf(certificate.chain.pem)[0];
    this.counters = new TlsCounters(scope);
    this.validation = new PeerValidation(tls.validation, this.counters.stats);
    this.keyLog = tls.keyLog && new KeyLogging(tls.keyLog);
    const ciphers = cipherString(cipherGroups(tls.cipherSuites), []);
    const versions = { ...tls, maxVersion: tls.maxVersion ?? DEFAULT_MAX_VERSION };
    this.secureContext = createSecureContext(contextOptions(versions, certificate, ciphers));
  }

  /** Begins to connect. The socket reads through `onread`; it has an owner's other events from the start. */
  open(
    target: ConnectTarget,
    request: UpstreamTlsRequest,
    onread: OnReadOpts,
    callbacks: UpstreamHandshakeCallbacks,
  ): TLSSocket {
    const serverName = this.serverName(request);
    const resumed = this.takeSession();
    const socket = connect({
      ...target,
      onread,
      secureContext: this.secureContext,
      servername: isIP(serverName) === 0 ? serverName : '',
      ALPNProtocols: this.tls.alpnProtocols.length > 0 ? this.tls.alpnProtocols : [...request.alpn],
      session: resumed?.session,
      // Our own validation gives the verdict.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    } as ConnectionOptions);
    // Node warns of addresses as server names; Envoy sends them.
    if (isIP(serverName) !== 0) (socket as unknown as { setServername(name: string): void }).setServername(serverName);
    if (!this.tls.allowRenegotiation) socket.disableRenegotiation();
    socket.setNoDelay(true);
    new UpstreamHandshake(
      this,
      socket,
      { serverName, expected: this.expectedName(request, serverName), resumed },
      callbacks,
    );
    return socket;
  }

  /** Keeps a session for a later connection. */
  keepSession(session: KeptSession): void {
    if (this.tls.maxSessionKeys <= 0) return;
    this.sessions.unshift(session);
    if (this.sessions.length > this.tls.maxSessionKeys) this.sessions.length = this.tls.maxSessionKeys;
  }

  /** Sessions of TLS 1.3 are taken up once (RFC 8446, appendix C.4). */
  private takeSession(): KeptSession | undefined {
    return this.tls.maxVersion === 'TLSv1.3' ? this.sessions.shift() : this.sessions[0];
  }

  private serverName({ serverName, hostname }: UpstreamTlsRequest): string {
    if (serverName !== '') return serverName;
    return this.tls.autoHostSni && hostname !== '' ? hostname : this.tls.sni;
  }

  private expectedName({ serverName, verifiesServerName }: UpstreamTlsRequest, sent: string): ExpectedName | undefined {
    if (!this.validation.asks) return undefined;
    if (this.tls.autoSniSanValidation && sent !== '') return { name: sent, by: 'context' };
    return verifiesServerName && serverName !== '' ? { name: serverName, by: 'request' } : undefined;
  }
}
