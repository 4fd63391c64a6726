/**
 * What a snapshot cannot hold (http, tls), or would hold for nothing in most processes, is loaded when it is first called: functions, and
 * classes to make instances of, by the names that sources import.
 */

/** Code that stands for modules, by their names, for `builtInModules`. */
export const LATE = {
  'node:child_process': late('node:child_process', ['spawn']),
  'node:crypto': `${late('node:crypto', ['createHash', 'createPrivateKey', 'hkdfSync', 'randomInt', 'verify'], ['X509Certificate'])}
    export const constants = { get SSL_OP_NO_TICKET() { return load().constants.SSL_OP_NO_TICKET; } };`,
  'node:dgram': late('node:dgram', ['createSocket']),
  'node:http': `${late('node:http', ['createServer', 'request'])}
    export const STATUS_CODES = /* @__PURE__ */ new Proxy({}, { get: (_, status) => load().STATUS_CODES[status] });`,
  'node:module': late('node:module', ['createRequire']),
  'node:tls': `${late('node:tls', ['connect', 'createSecureContext'])}
    let bound = false;
    // Stands between a class that extends it and the real one, which it gets for a parent when the first instance is made. As a class with a
    // parent it makes no object of its own: two makers of one would be given a new shape each time, which no code knows.
    export class TLSSocket extends Object {
      constructor(...args) {
        if (!bound) {
          bound = true;
          const real = load().TLSSocket;
          Object.setPrototypeOf(TLSSocket, real);
          Object.setPrototypeOf(TLSSocket.prototype, real.prototype);
        }
        super(...args);
      }
    }`,
  'node:worker_threads': `${late('node:worker_threads', [], ['Worker'])}
    export const threadId = 0;`,
};

function late(name: string, functions: readonly string[], classes: readonly string[] = []): string {
  return [
    `const load = () => process.getBuiltinModule('${name}');`,
    'export default /* @__PURE__ */ new Proxy({}, { get: (_, each) => load()[each] });',
    ...functions.map((each) => `export const ${each} = (...args) => load().${each}(...args);`),
    ...classes.map((each) => `export function ${each}(...args) { return new (load().${each})(...args); }`),
  ].join('\n');
}
