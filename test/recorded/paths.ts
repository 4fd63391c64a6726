/**
 * Paths made normal, by what the connection manager is told to do.
 */
import type { Json } from '#testing/bootstrap.ts';
import type { Scope } from '#testing/scope.ts';
import { startEnvoy } from './ask.ts';

const escapes = (action: string, more: Json = {}): Json => ({ path_with_escaped_slashes_action: action, ...more });

const MANAGERS: Record<string, Json> = {
  off: {},
  normalize: { normalize_path: true },
  merge: { merge_slashes: true },
  'normalize+merge': { normalize_path: true, merge_slashes: true },
  reject: escapes('REJECT_REQUEST'),
  'reject+normalize': escapes('REJECT_REQUEST', { normalize_path: true }),
  redirect: escapes('UNESCAPE_AND_REDIRECT'),
  'redirect+normalize': escapes('UNESCAPE_AND_REDIRECT', { normalize_path: true }),
  'redirect+normalize+merge': escapes('UNESCAPE_AND_REDIRECT', { normalize_path: true, merge_slashes: true }),
  forward: escapes('UNESCAPE_AND_FORWARD'),
  'forward+normalize': escapes('UNESCAPE_AND_FORWARD', { normalize_path: true }),
  'forward+merge': escapes('UNESCAPE_AND_FORWARD', { merge_slashes: true }),
  'forward+normalize+merge': escapes('UNESCAPE_AND_FORWARD', { normalize_path: true, merge_slashes: true }),
};

const GROUPS: Record<string, string> = {
  slashes: '/ // /// /a /a/ /a// /a//b /a///b //a //a// /a//b//c/ /a///////b ////a',
  dots: `/. /.. /./ /../ /... /.../ /a/... /.a /..a /a. /a.. /a../b /a./b /../.. /../../a /a/. /a/.. /a/./ /a/../ /a/../b
    /a/./b /a/../../b /a/b/../../c /a/b/../../../c /a/b/c/.. /a/b/c/../ /a/b/c/./ /a/./././b /a/b/./../c /a/b/.././c
    /a/.../b /.a/..b /a/b/../../../../c/d/..`,
  'dots and slashes': `//a/../b /a//../b /a//..//b /a/..//b //.. //../a //./a /.//a /..//a /a/.//b /a/./../b /a//./b /a//.
    /a//.. /a///.. /a///../b /..// /.// //..// /a/..// /a//./../b`,
  'escaped dots': `/%2e /%2E /%2e%2e /%2e. /.%2e /%2E%2E/a /a/%2e /a/%2e%2e /a/%2e%2e/b /a/%2E/b /a/.%2E/b /a/%2e./b /a%2e
    /a%2e%2e /%2e%2e%2e /%252e%252e/a /a/%252e /a/%2e%2E /a/b/%2e%2e/%2e%2e /a%2Eb /a//%2e%2e/b /a%2e/b /%61/%2e%2e/b`,
  'escaped slashes': `/a%2fb /a%2Fb /a%5cb /a%5Cb /%2f /%2F /%5c /%5C /a%2f /a%2f%2f /a%2f%2fb /a%5c%5cb /a%2f..%2fb
    /a%2F..%5Cb /a%5c..%5cb /a%2f./b /%2f%2fa /%2f.. /a/b%2f.. /a%2f%2e%2e%2fb /a%2fb?c%2fd /a?b%2fc /a?%5c /a%2f?x
    /a//b%2fc /a%2f/b /a/%2fb /a/%5c%2f/b /a%252fb /a/%2e%2e%2fb /a/%5c../b /a/..%5cb /a%5c.. /%5c.. /%5C%2e%2e/a
    /a/%2f../b /a%2f%2f../b /a%2f%2fb//c /A%2fB //a%2f%2fb`,
  backslashes: `/a\\b /\\ /a\\ /\\a /a\\..\\b /a\\.\\b /a/b\\../c /a\\\\b /a\\/b /a/\\b /..\\a /a\\.. /a?b\\c /a\\..;x/b
    /a\\..;x\\b`,
  'escaped letters': `/%41 /%61 /%7a /%7A /%30 /%39 /%2d /%2D /%5f /%5F /%7e /%7E /%41%62%63 /a%41b /a%41?%41`,
  'other escapes': `/%20 /a%20b /%21 /%22 /%23 /%24 /%25 /a%25 /%2525 /%26 /%27 /%28 /%29 /%2a /%2b /%2c /%3a /%3A /%3b /%3c
    /%3d /%3e /%3f /%40 /%5b /%5d /%5e /%60 /%7b /%7c /%7d /%7f /%80 /%ff /%c3%a9 /%C3%A9 /%e2%82%ac /a%3fb /a%3Fb
    /a%23b /%01 /%1f /%0a /%0d%0a /%09 /%00 /a%00 /a%00b /a?%00 /a/%00/..`,
  'broken escapes': `/% /a% /a%2 /a%g /a%zz /a%2g /a%g2 /%% /%%41 /a%%2f /%u0041 /a%2/b /a%/b /%/../b /%zz/../b /a/%zz/..`,
  'escapes that decode to escapes': `/%2%66 /%2%46 /%%30%30 /%%300 /%3%30 /%%33%30 /%%41a /%a%61 /%%61%61 /%%61 /%%61g
    /%g%61 /%2%35 /%2% /%%2e /%%2e%2e /%2%65 /%2%65%2e /a/%2%65/b /%2%2e /%%%30%30 /%%30%3 /%%36x /%6%31 /%%36%31
    /%c%33%a9 /a%2%662e /%%35%63 /%5%63..`,
  queries: `/a? /? /?a /a?b /a?b/../c /a?b//c /a//b?c//d /a/../b?x=../y /a/..?x /a/.?x /a?b?c /?/../a //?// /a?.. /a?x/..;/
    /a?b|c"d`,
  fragments: '/a?b#c /a#b /# /a/#b /a/../b#c /a#../b /a//b#c//d /a%2fb#c%2fd /#/../a /a/..#',
  parameters: `/a;b /a;b/../c /a/;/.. /;/a /a;/b /..;/a /a/..;/b /.;/a /a/..;x=1/b /a/.;x/b /a/..; /a/.; /a/..;x /a/.;x
    /a/%2e%2e;/b /a/%2e;x/b /a/..%3b/b /a/..%3B/b /a/..;%2f/b /a/..;\\b /a/..;b/c/d /a/...;/b /a/b;/..;/c /a/..;?x /..;
    /.; /;.. /a/;../b /a/..;..;/b /a/.;./b /a/.;/..;/b /a/%2e.;/b /a/..;a\\b //..;/ /a//..;/b /a;..;/b /a/..,/b
    /a/..;/../b /x/y/..;/..;/z /a/..;% /a/..;%zz/b /a;/..;/b/%2e /a/b/..;/ /a/b/..;//c /a/.;/ /a/..;;/b /a/.;;b/c
    /a%2f..;x/b`,
  characters: `/a+b:c@d!$&'()*,= /~a /a~ /a-b_c.d /A/B /a"b /a<b> /a[b] /a{b} /a|b /a^b /a\`b /a:b /a@b /:80/ /a/b:c/..
    //example.test/a ///example.test //example.test/../a /http://x/y /http:/x /a/http://x//y /* /a,b /$a /' /(a) /a&b`,
};

type Answer = string | number | [number, string];

/** A path, and where it went if not on as it was, by the managers that did so: another path, `[status, location]`, or a status. */
export type PathRow = [path: string, ...answers: [answer: Answer, ...managers: string[]][]];

export async function recordPaths(t: Scope): Promise<PathRow[]> {
  const paths = [...new Set(Object.values(GROUPS).flatMap((group) => group.split(/\s+/)))];
  const envoy = await startEnvoy(t, { managers: MANAGERS });
  const names = Object.keys(MANAGERS);
  const asked = await envoy.ask(
    paths.flatMap((path) =>
      names.map((listener) => ({ listener, bytes: `GET ${path} HTTP/1.1\r\nhost: example.test\r\n\r\n` })),
    ),
  );
  return paths.map((path, row) => {
    const answers = new Map<string, string[]>();
    for (const [column, name] of names.entries()) {
      const { status, headers, upstream } = asked[row * names.length + column];
      const location = headers.find(([key]) => key === 'location');
      const got: Answer = upstream?.line.split(' ')[1] ?? (location ? [status, location[1]] : status);
      if (got === path) continue;
      const key = JSON.stringify(got);
      answers.set(key, [...(answers.get(key) ?? []), name]);
    }
    return [path, ...[...answers].map(([got, by]): [Answer, ...string[]] => [JSON.parse(got), ...by])];
  });
}
