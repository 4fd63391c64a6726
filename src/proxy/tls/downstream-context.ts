/**
 * TLS of a filter chain on one worker: its certificates made ready, and what a client gets by what its hello says.
 * Follows extensions.transport_sockets.tls.v3.DownstreamTlsContext and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl
 */
import { constants, createHash, hkdfSync, type X509Certificate } from 'node:crypto';
import type { OnReadOpts } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { DownstreamTls } from '#config/model/tls.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { type SelectableCertificate, selectable, selectCertificate } from '#proxy/tls/certificate-selection.ts';
import { type CipherGroups, cipherGroups, cipherString } from '#proxy/tls/cipher-suites.ts';
import { ecdsaCurves, keyExchangeGroup, speaksTls13 } from '#proxy/tls/client-abilities.ts';
import { KeyLogging } from '#proxy/tls/key-log.ts';
import { OcspStapling } from '#proxy/tls/ocsp-stapling.ts';
import { PeerValidation } from '#proxy/tls/peer-validation.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';
import { contextOptions } from '#proxy/tls/secure-context-options.ts';
import { type HandshakeCallbacks, ServerHandshake } from '#proxy/tls/server-handshake.ts';
import { TlsCounters } from '#proxy/tls/tls-counters.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import type { ClientHello } from '#wire/tls/client-hello.ts';

/** Random bytes that all workers of a process share: session tickets of one are good at another. */
export type TicketSecret = Uint8Array;

export interface DownstreamTlsEnvironment {
  /** The listener's stats, `listener.<name>.` */
  scope: Scope;
  ticketSecret: TicketSecret;
}

/** What one client gets. */
export interface ServerChoice {
  /** How it is spoken. */
  secureContext: SecureContext;
  /** What is shown, and whom clients are trusted through. */
  identity: SecureContext;
  certificate: X509Certificate;
  /** The protocol in ALPN's wire form; undefined: none is chosen. */
  alpn: Uint8Array | undefined;
  alpnName: string;
  curve: string;
  /** A response to staple; undefined: none. */
  ocspStaple: Uint8Array | undefined;
  /** The OCSP policy allows no handshake. */
  refused: boolean;
}

/** Orders of suites that are kept ready. Clients choose them, so they are bounded. */
const ORDERS_KEPT = 8;

export class DownstreamTlsContext {
  readonly validation: PeerValidation;
  readonly counters: TlsCounters;
  readonly requestsCertificate: boolean;
  readonly requiresCertificate: boolean;
  readonly keyLog: KeyLogging | undefined;
  private readonly tls: DownstreamTls;
  private readonly certificates: X509Certificate[];
  private readonly selectables: SelectableCertificate[];
  private readonly stapling: OcspStapling[];
  private readonly ciphers: CipherGroups;
  /** The suites where no client's order counts. */
  private readonly ownOrder: string;
  private readonly curves: readonly string[];
  private readonly ticketKeys: Buffer;
  private readonly sessionIdContext: string;
  private readonly protocols: { name: string; wire: Uint8Array }[];
  private readonly identities: SecureContext[];
  private readonly contexts = new Map<string, SecureContext>();

  /** @throws where OpenSSL does not take what the readers let through. */
  constructor(tls: DownstreamTls, { scope, ticketSecret }: DownstreamTlsEnvironment) {
    this.tls = tls;
    this.certificates = tls.certificates.map(({ chain }) => certificatesOf(chain.pem)[0]);
    this.stapling = tls.certificates.map(({ ocspStaple }) => new OcspStapling(ocspStaple, tls.ocspStaplePolicy));
    this.selectables = this.certificates.map((certificate) => selectable(certificate));
    this.counters = new TlsCounters(scope);
    this.validation = new PeerValidation(tls.validation, this.counters.stats);
    this.requestsCertificate = this.validation.asks;
    this.requiresCertificate =
      this.validation.needsCertificate || (this.requestsCertificate && tls.requireClientCertificate);
    this.keyLog = tls.keyLog && new KeyLogging(tls.keyLog);
    this.ciphers = cipherGroups(tls.cipherSuites);
    this.ownOrder = cipherString(this.ciphers, []);
    this.curves = tls.ecdhCurves;
    const scopeOfSessions = this.sessionScope();
    this.sessionIdContext = scopeOfSessions.toString('hex').slice(0, 32);
    this.ticketKeys = ticketKeys(tls.sessionTicketKeys[0] ?? ticketSecret, scopeOfSessions);
    this.protocols = tls.alpnProtocols.map((name) => ({
      name,
      wire: Buffer.from(`${String.fromCharCode(Buffer.byteLength(name))}${name}`, 'latin1'),
    }));
    // Problems show now, not with the first client.
    this.identities = tls.certificates.map((certificate) =>
      createSecureContext(contextOptions(tls, certificate, this.ownOrder)),
    );
    this.context(undefined);
  }

  /**
   * Begins a handshake on an accepted socket, which is used up: another one comes out.
   * @param early what was read of the socket before
   * @param onread where the new socket reads to.
   */
  accept(
    accepted: OwnedSocket,
    early: Buffer | undefined,
    onread: OnReadOpts,
    callbacks: HandshakeCallbacks,
  ): ServerHandshake {
    return new ServerHandshake(this, accepted, early, onread, callbacks);
  }

  /** @param hello undefined: what came is none, and OpenSSL shall say so. */
  choose(hello: ClientHello | undefined): ServerChoice {
    // One certificate is shown to everybody.
    if (hello === undefined || this.certificates.length === 1) return this.choice(0, hello);
    const tls13 = this.speaksTls13(hello);
    const client = { serverName: hello.serverName, ecdsaCurves: ecdsaCurves(hello, tls13, this.ciphers) };
    const candidates = this.selectables.map((candidate, i) => ({
      ...candidate,
      usable: !this.stapling[i].fails(hello.statusRequest),
    }));
    return this.choice(selectCertificate(candidates, client, this.tls.fullScanCertsOnSniMismatch), hello);
  }

  private choice(index: number, hello: ClientHello | undefined): ServerChoice {
    const protocol = this.protocols.find(({ name }) => hello?.alpn.includes(name));
    const wantsStaple = hello?.statusRequest ?? false;
    this.stapling[index].count(wantsStaple, this.counters.stats);
    return {
      secureContext: this.context(hello),
      identity: this.identities[index],
      certificate: this.certificates[index],
      alpn: protocol?.wire,
      alpnName: protocol?.name ?? '',
      curve: hello === undefined ? '' : keyExchangeGroup(hello, this.speaksTls13(hello), this.curves),
      ocspStaple: wantsStaple ? this.stapling[index].response : undefined,
      refused: this.stapling[index].fails(wantsStaple),
    };
  }

  /** The version that a handshake with this client comes to, or would; as BoringSSL tells it, which begins with 1.2. */
  versionFor(hello: ClientHello | undefined): string {
    return hello !== undefined && this.speaksTls13(hello) ? 'TLSv1.3' : 'TLSv1.2';
  }

  private speaksTls13(hello: ClientHello | undefined): boolean {
    return (hello === undefined || speaksTls13(hello)) && (this.tls.maxVersion ?? 'TLSv1.3') === 'TLSv1.3';
  }

  /** The context with the suites in the order that counts for this client. */
  private context(hello: ClientHello | undefined): SecureContext {
    const tls13 = this.speaksTls13(hello);
    const ciphers = tls13 || hello === undefined ? this.ownOrder : cipherString(this.ciphers, hello.cipherSuites);
    const clientOrder = tls13 || this.tls.preferClientCiphers;
    const key = `${clientOrder} ${ciphers}`;
    let context = this.contexts.get(key);
    if (context === undefined) {
      if (this.contexts.size >= ORDERS_KEPT) this.contexts.clear();
      context = this.createContext(ciphers, clientOrder);
      this.contexts.set(key, context);
    }
    return context;
  }

  /**
   * Without certificates and authorities: OpenSSL would look among the latter for issuers of ours, verify them in each handshake and show
   * them too, which Envoy does not (a fifth of the time of a handshake with an elliptic authority).
   */
  private createContext(ciphers: string, clientOrder: boolean): SecureContext {
    const { tls } = this;
    return createSecureContext({
      ...contextOptions({ ...tls, validation: undefined }, undefined, ciphers),
      // A group each: our order holds, whichever key shares the client sent along.
      ecdhCurve: this.curves.join('/'),
      honorCipherOrder: !clientOrder,
      ticketKeys: this.ticketKeys,
      sessionIdContext: this.sessionIdContext,
      sessionTimeout: tls.sessionTimeout > 0 ? Math.round(tls.sessionTimeout / 1000) : undefined,
      secureOptions: tls.disableStatelessSessionResumption ? constants.SSL_OP_NO_TICKET : 0,
    });
  }

  /** A session is resumed only where certificates and what is asked of the client are those of its handshake. */
  private sessionScope(): Buffer {
    const { validation, requireClientCertificate, alpnProtocols } = this.tls;
    const names = this.certificates.map((certificate) => certificate.fingerprint256);
    const { trustedCa, crl, ...rest } = validation ?? {};
    const asked = [trustedCa?.pem, crl?.pem, rest, requireClientCertificate, alpnProtocols];
    return createHash('sha256')
      .update(JSON.stringify([names, asked]))
      .digest();
  }
}

/** OpenSSL's ticket keys, a name, an HMAC key and an AES key of 16 bytes each, out of a secret. */
function ticketKeys(secret: Uint8Array, context: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, context, 'session ticket keys', 48));
}
