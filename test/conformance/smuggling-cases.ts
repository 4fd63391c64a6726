/**
 * Requests that two HTTP/1 readers could read in two ways, each with the only answer that we give. Sources: RFC 9112
 * (sections 2.2, 3, 5, 6, 7, 9.3, 11.2) and the classes of attack known as CL.TE, TE.CL, TE.TE, CL.0 and header folding.
 */

export interface SmugglingCase {
  name: string;
  /** What is sent: a first request, for `/first` unless it has another form, and behind it `SECOND`. */
  bytes: string;
  /** Statuses of the answers, and `closed` where the connection ends. `waits`: nothing comes before more is sent. */
  answers: string;
  /** Targets of the requests that the upstream saw whole. */
  upstream: string;
  /** Where real Envoy does something else: what, and why we do not. */
  envoy?: { answers?: string; upstream?: string; why: string };
}

/** The request that must never get to the upstream unless the first one was plain. */
export const SECOND = 'GET /second HTTP/1.1\r\nhost: victim.test\r\n\r\n';

const REFUSED = { answers: '400 closed', upstream: '' };
const BOTH = { answers: '200 200', upstream: '/first /second' };
/** Refused by us, and served by real Envoy together with what follows. */
function served(why: string): Outcome {
  return { ...REFUSED, envoy: { ...BOTH, why } };
}

type Outcome = Pick<SmugglingCase, 'answers' | 'upstream' | 'envoy'>;

/** A POST with these header lines and this body. */
function head(lines: string[], body = ''): string {
  return `POST /first HTTP/1.1\r\nhost: a.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}${SECOND}`;
}

/** A POST in chunks whose body is these bytes. */
function chunks(body: string): string {
  return head(['transfer-encoding: chunked'], body);
}

/** A GET whose lines are given raw, each with its own end. */
function lines(raw: string): string {
  return `GET /first HTTP/1.1\r\n${raw}\r\n${SECOND}`;
}

function group(outcome: Outcome, cases: Record<string, string>): SmugglingCase[] {
  return Object.entries(cases).map(([name, bytes]) => ({ name, bytes, ...outcome }));
}

const lengthAndChunked = group(REFUSED, {
  'length, then chunked (CL.TE)': head(['content-length: 6', 'transfer-encoding: chunked'], '0\r\n\r\nG'),
  'chunked, then length (TE.CL)': head(['transfer-encoding: chunked', 'content-length: 4'], '5c\r\n0\r\n\r\n'),
  'length 0 and chunked': head(['content-length: 0', 'transfer-encoding: chunked'], '0\r\n\r\n'),
  'length with a name ending in a blank, and chunked': head(
    ['content-length : 6', 'transfer-encoding: chunked'],
    '0\r\n\r\n',
  ),
  'chunked with a blank after its name': head(['transfer-encoding : chunked', 'content-length: 5'], '0\r\n\r\n'),
  'chunked with a tab after its name': head(['transfer-encoding\t: chunked', 'content-length: 5'], '0\r\n\r\n'),
  'chunked behind a vertical tab': head(['transfer-encoding: \x0bchunked', 'content-length: 5'], '0\r\n\r\n'),
  'chunked with a NUL': head(['transfer-encoding: chunked\0', 'content-length: 5'], '0\r\n\r\n'),
  'chunked on a folded line': head(['transfer-encoding:\r\n chunked', 'content-length: 5'], '0\r\n\r\n'),
  'chunked after a bare LF in another value': head(
    ['x-a: b\ntransfer-encoding: chunked', 'content-length: 5'],
    '0\r\n\r\n',
  ),
  'chunked in HTTP/1.0 fashion with a length': head(['content-length: 5', 'Transfer-Encoding:chunked'], '0\r\n\r\n'),
});

const unknownEncodings = group(
  { answers: '501 closed', upstream: '' },
  {
    'chunked twice in one field': head(['transfer-encoding: chunked, chunked'], '0\r\n\r\n'),
    'chunked in two fields': head(['transfer-encoding: chunked', 'transfer-encoding: chunked'], '0\r\n\r\n'),
    'chunked and identity in two fields': head(
      ['transfer-encoding: chunked', 'transfer-encoding: identity'],
      '0\r\n\r\n',
    ),
    'encoding identity': head(['transfer-encoding: identity']),
    'encoding gzip, chunked': head(['transfer-encoding: gzip, chunked'], '0\r\n\r\n'),
    'encoding chunked, gzip': head(['transfer-encoding: chunked, gzip'], '0\r\n\r\n'),
    'encoding xchunked': head(['transfer-encoding: xchunked'], '0\r\n\r\n'),
    'encoding chunkedx': head(['transfer-encoding: chunkedx'], '0\r\n\r\n'),
    'encoding quoted': head(['transfer-encoding: "chunked"'], '0\r\n\r\n'),
    'encoding with a parameter': head(['transfer-encoding: chunked;q=1'], '0\r\n\r\n'),
    'encoding with a comma at its end': head(['transfer-encoding: chunked,'], '0\r\n\r\n'),
    'encoding empty': head(['transfer-encoding:'], ''),
    'encoding in letters of another alphabet': head(['transfer-encoding: \xc7hunked'], '0\r\n\r\n'),
  },
);

const lengths = group(REFUSED, {
  'two lengths that differ': head(['content-length: 0', 'content-length: 44']),
  'two lengths that agree': head(['content-length: 3', 'content-length: 3'], 'abc'),
  'two lengths in one field': head(['content-length: 3, 3'], 'abc'),
  'two lengths in one field that differ': head(['content-length: 3, 40'], 'abc'),
  'length with a plus': head(['content-length: +3'], 'abc'),
  'negative length': head(['content-length: -3'], 'abc'),
  'length in hexadecimal': head(['content-length: 0x3'], 'abc'),
  'length with letters behind it': head(['content-length: 3abc'], 'abc'),
  'length with a fraction': head(['content-length: 3.0'], 'abc'),
  'length with an exponent': head(['content-length: 3e0'], 'abc'),
  'length with a blank inside': head(['content-length: 3 0'], 'abc'),
  'length that is empty': head(['content-length:']),
  'length beyond 64 bits': head(['content-length: 18446744073709551619'], 'abc'),
  'length of thirty digits': head(['content-length: 000000000000000000000000000003'.replace(/0/g, '9')], 'abc'),
  'length with a NUL': head(['content-length: 3\0'], 'abc'),
  'length with an underscore': head(['content-length: 1_0'], '0123456789'),
  'length in digits of another alphabet': head(['content-length: \xd9\xa3'], 'abc'),
  'length with a blank after its name': head(['content-length : 3'], 'abc'),
  'a length and another on a folded line': head(['content-length: 0\r\n 44']),
});

const plainLengths = group(BOTH, {
  'a host with a comma': lines('host: a.test,b.test\r\n'),
  'a plain length': head(['content-length: 3'], 'abc'),
  'length with blanks around it': head(['content-length:  \t3 '], 'abc'),
  'length with zeros before it': head(['content-length: 003'], 'abc'),
  'plain chunks': chunks('3\r\nabc\r\n0\r\n\r\n'),
  'chunked in capitals': head(['Transfer-Encoding: CHUNKED'], '3\r\nabc\r\n0\r\n\r\n'),
  'chunked with blanks around it': head(['transfer-encoding: \t chunked \t'], '3\r\nabc\r\n0\r\n\r\n'),
  'no body at all': lines('host: a.test\r\n'),
  'an empty line first': `\r\n${lines('host: a.test\r\n')}`,
  'names that only look like lengths': head(
    ['content_length: 44', 'transfer_encoding: chunked', 'content-length: 3'],
    'abc',
  ),
  'x-http-method-override': head(['content-length: 3', 'x-http-method-override: GET'], 'abc'),
});

const lineEnds = group(REFUSED, {
  'bare CR in a name': lines('host: a.test\r\nx\r-a: b\r\n'),
  'NUL in a value': lines('host: a.test\r\nx-a: b\0c\r\n'),
  'NUL in a name': lines('host: a.test\r\nx\0a: b\r\n'),
  'NUL in the target': `GET /fi\0rst HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a control character in a value': lines('host: a.test\r\nx-a: b\x01c\r\n'),
  'DEL in a value': lines('host: a.test\r\nx-a: b\x7fc\r\n'),
  'a blank before the first header': lines(' x-a: b\r\nhost: a.test\r\n'),
  'a blank after a name': lines('host: a.test\r\nx-a : b\r\n'),
  'a blank in a name': lines('host: a.test\r\nx a: b\r\n'),
  'an empty name': lines('host: a.test\r\n: b\r\n'),
  'a line without a colon': lines('host: a.test\r\nx-a\r\n'),
  'a high byte in a name': lines('host: a.test\r\nx-\xe9: b\r\n'),
  'a colon in a quoted name': lines('host: a.test\r\n"x": b\r\n'),
  'a comma in a name': lines('host: a.test\r\nx,a: b\r\n'),
});

const bareLineFeeds = group(
  served('takes a bare LF for a line end (RFC 9112, 2.2 lets it); who does not finds other lines in the same bytes'),
  {
    'bare LF after the request line': `GET /first HTTP/1.1\nhost: a.test\r\n\r\n${SECOND}`,
    'bare LF after a header': lines('host: a.test\nx-a: b\r\n'),
    'bare LF for the empty line': `GET /first HTTP/1.1\r\nhost: a.test\r\n\n${SECOND}`,
    'only LFs': `GET /first HTTP/1.1\nhost: a.test\n\n${SECOND}`,
    'bare LF for the last empty line': chunks('3\r\nabc\r\n0\r\n\n'),
    'bare LF after a trailer': chunks('3\r\nabc\r\n0\r\nx-a: b\nx-c: d\r\n\r\n'),
  },
);

const bareReturns = group(
  served('drops a bare CR from a line; others end the line there (RFC 9112, 2.2: invalid, or replaced by a blank)'),
  {
    'chunked after a bare CR in another value': head(
      ['x-a: b\rtransfer-encoding: chunked', 'content-length: 5'],
      '0\r\n\r\n',
    ),
    'bare CR in a value': lines('host: a.test\r\nx-a: b\rc\r\n'),
    'CR CR LF': lines('host: a.test\r\nx-a: b\r\r\n'),
    'bare CR in the request line': `GET /first\r HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  },
);

const foldedLines = group(
  served('joins folded lines; RFC 9112, 5.2 wants them refused or joined, and not all join them'),
  {
    'length folded': head(['content-length:\r\n 3'], 'abc'),
    'a folded line': lines('host: a.test\r\nx-a: b\r\n c: d\r\n'),
    'a line folded by a tab': lines('host: a.test\r\nx-a: b\r\n\tc: d\r\n'),
    'a folded trailer': chunks('3\r\nabc\r\n0\r\nx-a: b\r\n c\r\n\r\n'),
  },
);

const loudBlanks = group(served('skips more blanks, and tabs, in the request line than RFC 9112, 3 has there'), {
  'two blanks before the target': `GET  /first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'two blanks after the target': `GET /first  HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a tab after the method': `GET\t/first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a blank at the end': `GET /first HTTP/1.1 \r\nhost: a.test\r\n\r\n${SECOND}`,
});

const severalHosts = group(served('joins several Host fields by a comma and goes on; RFC 9112, 3.2 wants 400'), {
  'two hosts that differ': lines('host: a.test\r\nhost: b.test\r\n'),
  'two hosts that agree': lines('host: a.test\r\nhost: a.test\r\n'),
});

const sloppyChunks = group(served("skips what stands between a chunk's data, or extension, and the next line end"), {
  'bare LF after chunk data': chunks('3\r\nabc\n0\r\n\r\n'),
  'more data than the chunk size says': chunks('3\r\nabcdef\r\n0\r\n\r\n'),
  'NUL in a chunk extension': chunks('3;a\0b\r\nabc\r\n0\r\n\r\n'),
});

const requestLines = group(REFUSED, {
  'a blank in the target': `GET /first /b HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a blank first': ` GET /first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'no target': `GET HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a version of two digits': `GET /first HTTP/1.10\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a version with a zero first': `GET /first HTTP/01.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'another protocol': `GET /first HTTQ/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a method of control characters': `G\x01T /first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'a high byte in the target': `GET /first\xff HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  'garbage first': `\x00\x01\x02${lines('host: a.test\r\n')}`,
  'a TLS greeting': `\x16\x03\x01\x00\x05hello${SECOND}`,
});

const oldVersions = group(
  { answers: '426 closed', upstream: '' },
  {
    'HTTP/1.0 with chunks': `POST /first HTTP/1.0\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SECOND}`,
    'HTTP/0.9': `GET /first\r\n${SECOND}`,
  },
);

const hosts = group(REFUSED, {
  'no host': lines('x-a: b\r\n'),
  'a host with a blank': lines('host: a.test b.test\r\n'),
  'a host with a path': lines('host: a.test/second\r\n'),
  'a host with a NUL': lines('host: a\0.test\r\n'),
  'connection names host': lines('host: a.test\r\nconnection: host\r\n'),
});

const targets: SmugglingCase[] = [
  ...group(BOTH, {
    "absolute form with another host: the target's host holds": `GET http://b.test/first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
    'absolute form with the same host': `GET http://a.test/first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  }),
  ...group(REFUSED, {
    'absolute form without an authority': `GET http:///first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
    'absolute form of another scheme': `GET gopher://a.test/first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
    'absolute form with a blank in its host': `GET http://a test/first HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
    'a fragment': `GET /first#/second HTTP/1.1\r\nhost: a.test\r\n\r\n${SECOND}`,
  }),
];

const badChunks = group(REFUSED, {
  'chunk size beyond 64 bits': chunks('10000000000000003\r\nabc\r\n0\r\n\r\n'),
  'chunk size that overflows to 3': chunks('fffffffffffffffff3\r\nabc\r\n0\r\n\r\n'),
  'chunk size with 0x': chunks('0x3\r\nabc\r\n0\r\n\r\n'),
  'chunk size with a plus': chunks('+3\r\nabc\r\n0\r\n\r\n'),
  'negative chunk size': chunks('-3\r\nabc\r\n0\r\n\r\n'),
  'chunk size with a blank first': chunks(' 3\r\nabc\r\n0\r\n\r\n'),
  'chunk size that is empty': chunks('\r\nabc\r\n0\r\n\r\n'),
  'chunk size that is no number': chunks('xyz\r\nabc\r\n0\r\n\r\n'),
  'chunk size with an underscore': chunks('1_0\r\n0123456789abcdef\r\n0\r\n\r\n'),
  'chunk size with a NUL': chunks('3\0\r\nabc\r\n0\r\n\r\n'),
  'bare LF after a chunk size': chunks('3\nabc\r\n0\r\n\r\n'),
  'bare CR after a chunk size': chunks('3\rabc\r\n0\r\n\r\n'),
  'no line end after chunk data': chunks('3\r\nabc0\r\n\r\n'),
  'bare LF in a chunk extension': chunks('3;a\nb\r\nabc\r\n0\r\n\r\n'),
  'bare CR in a chunk extension': chunks('3;a\rb\r\nabc\r\n0\r\n\r\n'),
  'bare LF after the last chunk': chunks('3\r\nabc\r\n0\n\r\n'),
  'a trailer without a colon': chunks('3\r\nabc\r\n0\r\nx-a\r\n\r\n'),
  'NUL in a trailer': chunks('3\r\nabc\r\n0\r\nx-a: \0\r\n\r\n'),
  "a blank after a trailer's name": chunks('3\r\nabc\r\n0\r\nx-a : b\r\n\r\n'),
  'no empty line after the last chunk': chunks('3\r\nabc\r\n0\r\n'),
});

const goodChunks = group(BOTH, {
  'a chunk extension': chunks('3;name=value;other="q"\r\nabc\r\n0;last\r\n\r\n'),
  'a chunk size with zeros before it': chunks('0003\r\nabc\r\n0000\r\n\r\n'),
  'a chunk size in capitals': chunks('A\r\n0123456789\r\n0\r\n\r\n'),
  'trailers that speak of framing': chunks(
    '3\r\nabc\r\n0\r\ncontent-length: 44\r\ntransfer-encoding: identity\r\nhost: b.test\r\n\r\n',
  ),
  'a chunk that holds a request': chunks(`${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`),
});

const earlyAndLate: SmugglingCase[] = [
  {
    name: 'a request behind connection: close',
    bytes: lines('host: a.test\r\nconnection: close\r\n'),
    answers: '200 closed',
    upstream: '/first',
  },
  {
    name: 'a length with a request for its body',
    bytes: head([`content-length: ${SECOND.length}`]),
    answers: '200',
    upstream: '/first',
  },
  {
    name: 'a length that reaches into the next request',
    bytes: head(['content-length: 20']),
    answers: '200 400 closed',
    upstream: '/first',
  },
  {
    name: 'a length that is never filled',
    bytes: head(['content-length: 500']),
    answers: 'waits',
    upstream: '',
  },
  { name: 'a chunk that is never filled', bytes: chunks('500\r\n'), answers: 'waits', upstream: '' },
  {
    name: 'an upgrade that is refused, with bytes behind it',
    bytes: lines('host: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n'),
    answers: '403 closed',
    upstream: '',
  },
  {
    name: 'an upgrade to h2c that is ignored',
    bytes: lines('host: a.test\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n'),
    ...BOTH,
  },
  {
    name: 'CONNECT with bytes behind it',
    bytes: `CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n${SECOND}`,
    answers: '404 closed',
    upstream: '',
  },
  {
    name: 'expect: 100-continue and the body at once',
    bytes: head(['content-length: 3', 'expect: 100-continue'], 'abc'),
    answers: '100 200 200',
    upstream: '/first /second',
  },
  {
    name: 'a GET with a length',
    bytes: `GET /first HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\n\r\nabc${SECOND}`,
    ...BOTH,
  },
  {
    name: 'a HEAD with a length',
    bytes: `HEAD /first HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\n\r\nabc${SECOND}`,
    ...BOTH,
  },
  {
    name: 'a body for a route that answers at once',
    bytes: head([`content-length: ${SECOND.length}`]).replace('/first', '/direct'),
    answers: '200 closed',
    upstream: '',
  },
  {
    name: 'a body for no route',
    bytes: head([`content-length: ${SECOND.length + 5}`]).replace('/first', '/none'),
    answers: '404 closed',
    upstream: '',
  },
];

export const SMUGGLING_CASES: readonly SmugglingCase[] = [
  ...lengthAndChunked,
  ...unknownEncodings,
  ...lengths,
  ...plainLengths,
  ...lineEnds,
  ...bareLineFeeds,
  ...bareReturns,
  ...foldedLines,
  ...loudBlanks,
  ...severalHosts,
  ...sloppyChunks,
  ...requestLines,
  ...oldVersions,
  ...hosts,
  ...targets,
  ...badChunks,
  ...goodChunks,
  ...earlyAndLate,
];
