/**
 * What is asked of explain: one request, as a client would make it.
 */

export interface ExplainQuery {
  /** `http://host:port/path`; `http://` where it names no scheme. */
  url: string;
  method: string;
  headers: [name: string, value: string][];
  /** `ip:port`, or an address alone; 127.0.0.1 without it. */
  source?: string;
  /** `ip:port` of the client, as a proxy in front tells it by the PROXY protocol. */
  proxied?: string;
  /** Where the connection arrives: `ip:port`, or a unix socket's path; the URL's host and port without it. */
  destination?: string;
  /** The name that TLS asks for; the URL's host without it. */
  serverName?: string;
  /** Which way the connection goes through a sidecar, where the destination does not tell. */
  direction?: 'inbound' | 'outbound';
  /** The client is another sidecar, which shows this identity (`spiffe://...`) in mutual TLS. */
  peer?: string;
  /** The protocols that TLS offers. */
  alpn: string[];
}
