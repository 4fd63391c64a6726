/** `/certs`: the certificates of every TLS context, and how long they are good. Follows admin.v3.Certificates. */
import { X509Certificate } from 'node:crypto';
import { timeText } from '#proxy/admin/config-sections.ts';
import { type AdminHandler, json } from '#proxy/admin/handler.ts';

const DAY = 86_400_000;

export const certs: AdminHandler = {
  path: '/certs',
  help: 'print certificates and how long they are good',
  answer(_request, context) {
    return json({
      certificates: context.certificates().map(({ caCertificates, chains }) => ({
        ca_cert: caCertificates.map(certificateTree),
        cert_chain: chains.map(certificateTree),
      })),
    });
  },
};

function certificateTree({ path, pem }: { path: string; pem: string }) {
  const certificate = new X509Certificate(pem);
  const left = certificate.validToDate.getTime() - Date.now();
  return {
    path,
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: alternativeNames(certificate.subjectAltName ?? ''),
    days_until_expiration: String(Math.max(0, Math.floor(left / DAY))),
    valid_from: timeText(certificate.validFromDate.getTime()),
    expiration_time: timeText(certificate.validToDate.getTime()),
  };
}

/** Of OpenSSL's text: `DNS:a.example, URI:spiffe://a/b, IP Address:127.0.0.1`; a name with odd characters is quoted as JSON. */
function alternativeNames(text: string): object[] {
  const names: object[] = [];
  for (const [, kind, raw] of text.matchAll(/(DNS|URI|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const name = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
    names.push(kind === 'DNS' ? { dns: name } : kind === 'URI' ? { uri: name } : { ip_address: name });
  }
  return names;
}
