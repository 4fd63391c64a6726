/**
 * REQ (also without its query), RESP and TRAILER: a header field of the request, the response or its trailers, or another field where that one is missing.
 * Pseudo headers stand apart from the fields in a stream and are read from it.
 */
import {
  type OperatorDefinition,
  type OperatorTable,
  type TextOf,
  textOperator,
} from '#proxy/observe/format/operator.ts';

type FieldOf = (name: string) => TextOf;

const requestPseudo: { readonly [name: string]: TextOf } = {
  ':method': (info) => present(info.method),
  ':path': (info) => present(info.path),
  ':authority': (info) => present(info.host) ?? info.requestHeaders.get('host'),
  host: (info) => present(info.host) ?? info.requestHeaders.get('host'),
  ':scheme': (info) => (info.scheme === '' ? undefined : info.scheme),
};

const responsePseudo: { readonly [name: string]: TextOf } = {
  ':status': (info) => (info.responseCode === 0 ? undefined : String(info.responseCode)),
};

const requestField: FieldOf = (name) => requestPseudo[name] ?? ((info) => info.requestHeaders.get(name));
const responseField: FieldOf = (name) => responsePseudo[name] ?? ((info) => info.responseHeaders.get(name));
const trailerField: FieldOf = (name) => (info) => info.responseTrailers?.get(name);

const req = headerOperator(requestField);
const resp = headerOperator(responseField);
const trailer = headerOperator(trailerField);

export const headerOperators: OperatorTable = {
  REQ: req,
  REQUEST_HEADER: req,
  STREAM_INFO_REQ: req,
  REQ_WITHOUT_QUERY: headerOperator((name) => withoutQuery(requestField(name))),
  RESP: resp,
  RESPONSE_HEADER: resp,
  TRAILER: trailer,
  RESPONSE_TRAILER: trailer,
};

function headerOperator(field: FieldOf): OperatorDefinition {
  return (argument, maxLength) => {
    const [main, alternative = ''] = argument.toLowerCase().split('?');
    const first = field(main);
    if (alternative === '') return textOperator(first, maxLength);
    const second = field(alternative);
    return textOperator((info) => first(info) ?? second(info), maxLength);
  };
}

function withoutQuery(field: TextOf): TextOf {
  return (info) => {
    const value = field(info);
    const query = value?.indexOf('?') ?? -1;
    return query === -1 ? value : value?.slice(0, query);
  };
}

function present(value: string): string | undefined {
  return value === '' ? undefined : value;
}
