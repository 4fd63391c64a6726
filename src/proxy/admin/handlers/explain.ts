/** `/explain`: where a request would go on the running configuration, and why. The same as `fairlead explain`. */
import type { ExplainQuery } from '#proxy/admin/context.ts';
import { type AdminHandler, json, text } from '#proxy/admin/handler.ts';

export const explain: AdminHandler = {
  path: '/explain',
  help: 'say where a request would go, and why nothing nearer took it',
  parameters: [
    { name: 'url', help: "the request's URL: scheme, host, port and path" },
    { name: 'method', help: 'its method; GET without it' },
    { name: 'header', help: 'a header, name: value; as often as needed' },
    { name: 'source', help: 'where it comes from, ip:port' },
    { name: 'proxied', help: 'the client that a proxy in front tells by the PROXY protocol, ip:port' },
    { name: 'destination', help: 'the address that it arrives at, ip:port; from the URL without it' },
    { name: 'sni', help: "the server name that TLS asks for; the URL's host without it" },
    { name: 'direction', help: 'which way through a sidecar', options: ['inbound', 'outbound'] },
    { name: 'peer', help: 'the identity of a client that is a sidecar, spiffe://...' },
    { name: 'alpn', help: 'a protocol that TLS offers; as often as needed' },
    { name: 'format', help: 'the form of the answer', options: ['text', 'json'] },
  ],
  async answer({ params }, context) {
    const url = params.get('url');
    if (!url) return text('usage: /explain?url=http://host:port/path&method=GET&header=name:%20value\n', 400);
    const headers: [string, string][] = [];
    for (const header of params.all('header')) {
      const colon = header.indexOf(':', 1);
      if (colon < 0) return text(`header '${header}' is not of the form name: value\n`, 400);
      headers.push([header.slice(0, colon).trim().toLowerCase(), header.slice(colon + 1).trim()]);
    }
    try {
      const answer = await context.explain({
        url,
        method: params.get('method') || 'GET',
        headers,
        source: params.get('source'),
        proxied: params.get('proxied'),
        destination: params.get('destination'),
        serverName: params.get('sni'),
        direction: directionOf(params.get('direction')),
        peer: params.get('peer') || undefined,
        alpn: params.all('alpn'),
      });
      return params.get('format') === 'json' ? json(answer.json) : text(answer.text);
    } catch (error) {
      return text(`${(error as Error).message}\n`, 400);
    }
  },
};

function directionOf(text: string | undefined): ExplainQuery['direction'] {
  return text === 'inbound' || text === 'outbound' ? text : undefined;
}
