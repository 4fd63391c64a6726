/** JSON over HTTP, to gRPC and back. */
import { test } from 'node:test';
import { bookstoreDescriptors } from '#testing/bookstore.ts';
import {
  bootstrap,
  http2Cluster,
  httpListener,
  type Json,
  routeConfig,
  routerFilter,
  routeTo,
  typed,
} from '#testing/bootstrap.ts';
import { answer2, byPath2 } from '#testing/http2-behaviours.ts';
import type { Http2Behaviour } from '#testing/http2-upstream.ts';
import { compare } from './compare.ts';
import { type Case, get, post } from './subject.ts';

const TYPE = { 'content-type': 'application/grpc' };
const OK = { 'grpc-status': '0' };
/** Shelf 5, `poetry`, and shelf 6 without a theme, both framed. */
const SHELF = '\0\0\0\0\x0a\x08\x05\x12\x06poetry';
const OTHER = '\0\0\0\0\x04\x08\x06\x18\x01';
const SHELVES = '\0\0\0\0\x12\x0a\x0a\x08\x05\x12\x06poetry\x0a\x04\x08\x06\x18\x01';

/** Answers with the message that came. */
const echo: Http2Behaviour = async (exchange) => {
  const request = await exchange.whole();
  await answer2({ headers: TYPE, body: request?.body ?? '', trailers: OK })({
    ...exchange,
    stream: exchange.stream,
    whole: async () => request,
  });
};

const SERVICE = byPath2({
  '/': answer2({ status: 404, headers: { 'content-type': 'text/plain' }, body: 'nobody' }),
  '/test.Bookstore/ListShelves': answer2({ headers: TYPE, body: SHELVES, trailers: OK }),
  '/test.Bookstore/CreateShelf': answer2({ headers: TYPE, body: SHELF, trailers: OK }),
  '/test.Bookstore/GetShelf': answer2({
    headers: TYPE,
    trailers: { 'grpc-status': '5', 'grpc-message': 'no%20shelf' },
  }),
  '/test.Bookstore/Search': echo,
  '/test.Bookstore/Echo': echo,
  '/test.Bookstore/Plain': answer2({ headers: { ...TYPE, 'grpc-status': '7', 'grpc-message': 'no' } }),
  '/test.Bookstore/Watch': answer2({ headers: TYPE, body: SHELF + OTHER, trailers: OK }),
  '/test.Bookstore/Upload': answer2({ headers: TYPE, body: SHELVES, trailers: OK }),
});

const NAME = 'envoy.filters.http.grpc_json_transcoder';
const transcoder = (fields: Json = {}): Json =>
  typed('extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder', {
    proto_descriptor_bin: Buffer.from(bookstoreDescriptors()).toString('base64'),
    services: ['test.Bookstore'],
    ...fields,
  });

const json = (path: string, body: string): string => post(path, body, 'content-type: application/json');
const CASES: Record<string, string> = {
  list: get('/shelves'),
  'a field by the body': json('/shelf', '{"id": 7, "theme": "essays"}'),
  'a field by the body, another by the query': json('/shelf?note=x', '{"theme": "essays"}'),
  'no such shelf': get('/shelves/9'),
  'a variable of another type': get('/shelves/nine'),
  query: get('/search?text=a%20b&number=5&flag=true&tags=x&tags=y&shelf.id=3&ratio=1.5&pageSize=4'),
  'a query by proto name': get('/search?page_size=4'),
  'plus in a query': get('/search?text=a+b'),
  'an unknown parameter': get('/search?nothing=1'),
  'an empty query': get('/search?'),
  body: json(
    '/echo',
    '{"text":"hi","number":-3,"tags":["a","b"],"shelf":{"id":"12","full":true},"data":"AAEC","page_size":9}',
  ),
  'an empty object': json('/echo', '{}'),
  'no body': json('/echo', ''),
  'no JSON': json('/echo', '{"text":'),
  'a list for a message': json('/echo', '[]'),
  'an unknown field': json('/echo', '{"nothing": 1}'),
  'a wrong type': json('/echo', '{"number": "x"}'),
  'more of the path': get('/echo/a/b%2Fc/d%20e'),
  'a verb': json('/echo:verb', '{"text":"v"}'),
  'another verb': json('/echo:other', '{"text":"v"}'),
  'without a rule': json('/test.Bookstore/Plain', '{}'),
  'a stream of answers': get('/watch/5'),
  'a stream of requests': json('/upload', '[{"id": 1}, {"theme": "x"}]'),
  'gRPC passes': post('/test.Bookstore/Search', '\0\0\0\0\0', 'content-type: application/grpc'),
  'no such path': get('/other'),
  'another method': 'DELETE /shelves HTTP/1.1\r\nHost: example.test\r\n\r\n',
};

const WORDS = 'each parser of JSON has its own words';
const ORDER = 'fields are written in the order of their numbers';

const WHOLE = 'the body came in one piece with its end: Envoy hears of the end later';
const TOO_LARGE = Object.fromEntries(
  ['a field by the body', 'body', 'a stream of requests'].map((name) => [
    name,
    { 'responses[0].headers.connection': WHOLE, end: WHOLE },
  ]),
);

const VARIANTS: Record<string, Json> = {
  'as it comes': {},
  'every field printed, whitespace, enums as numbers': {
    print_options: { always_print_primitive_fields: true, add_whitespace: true, always_print_enums_as_ints: true },
  },
  'names as in the proto file, a line each, routes of the client': {
    print_options: { preserve_proto_field_names: true, stream_newline_delimited: true },
    match_incoming_request_route: true,
  },
  'mapped by themselves, unknown parameters ignored': {
    auto_mapping: true,
    ignore_unknown_query_parameters: true,
    query_param_unescape_plus: true,
    print_options: { stream_newline_delimited: true, stream_sse_style_delimited: true },
  },
  'unknown methods refused': {
    request_validation_options: { reject_unknown_method: true },
    ignored_query_parameters: ['nothing'],
  },
  'bodies that are bounded': { max_request_body_size: 20, max_response_body_size: 12 },
};

for (const [name, fields] of Object.entries(VARIANTS))
  test(`grpc_json_transcoder translates as by Envoy: ${name}`, async (t) => {
    await compare(t, {
      http2Upstreams: { c: { behaviour: SERVICE } },
      bootstrap: ({ c }) =>
        bootstrap(
          [
            httpListener({
              manager: {
                ...routeConfig([routeTo('/test.Bookstore', 'c'), routeTo('/', 'c', { prefix_rewrite: '/' })]),
                http_filters: [{ name: NAME, typed_config: transcoder(fields) }, routerFilter()],
              },
            }),
          ],
          [http2Cluster('c', [c])],
        ),
      explained: {
        'no JSON': { 'responses[0].body': WORDS, 'responses[0].headers.content-length': WORDS, 'log[0]': WORDS },
        everywhere: { 'responses[0].order': 'the length of what has no body comes last' },
        query: { 'upstream[0].body': ORDER },
        ...(name === 'bodies that are bounded' ? TOO_LARGE : {}),
      },
      cases: Object.entries(CASES).map(([caseName, send]): Case => ({ name: caseName, send })),
    });
  });
