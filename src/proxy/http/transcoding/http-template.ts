/**
 * Paths of google.api.http rules: literals, `*` for a segment, `**` for the rest, variables over some of these, and a verb at the end.
 * Follows https://github.com/googleapis/googleapis/blob/master/google/api/http.proto ("Path template syntax")
 */

export interface HttpTemplate {
  segments: readonly string[];
  verb: string;
  variables: readonly TemplateVariable[];
}

/** A field of the request, and which segments it is taken from. `to` is behind the last; the template's end where that is `**`. */
export interface TemplateVariable {
  field: readonly string[];
  from: number;
  to: number;
}

/** A field and its text out of a path. */
export interface Binding {
  field: readonly string[];
  value: string;
}

/** How percent signs in variables of several segments are read: as in the filter's `url_unescape_spec`. Others are always read whole. */
export type UnescapeSpec = 'ALL_CHARACTERS_EXCEPT_RESERVED' | 'ALL_CHARACTERS_EXCEPT_SLASH' | 'ALL_CHARACTERS';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/** @returns undefined where it is no template. */
export function parseTemplate(text: string): HttpTemplate | undefined {
  if (!text.startsWith('/')) return undefined;
  const found = /^(.*?)(?::([^/{}:]+))?$/.exec(text.slice(1));
  const [path, verb = ''] = found === null ? [''] : [found[1], found[2]];
  const segments: string[] = [];
  const variables: TemplateVariable[] = [];
  for (const part of path.match(/\{[^}]*\}|[^/{}]+|[{}]|\/\//g) ?? []) {
    if (!part.startsWith('{')) {
      segments.push(part);
      continue;
    }
    const [field, pattern = '*'] = part.slice(1, -1).split('=', 2);
    if (!NAME.test(field)) return undefined;
    const from = segments.length;
    segments.push(...pattern.split('/'));
    variables.push({ field: field.split('.'), from, to: segments.length });
  }
  const rest = segments.indexOf('**');
  if (segments.some((segment) => segment === '' || /[{}]|\/\//.test(segment))) return undefined;
  if (rest >= 0 && rest !== segments.length - 1) return undefined;
  return { segments, verb, variables };
}

/** @param path without its query. @returns the bindings, or undefined where it does not match */
export function matchTemplate(template: HttpTemplate, path: string, spec: UnescapeSpec): Binding[] | undefined {
  const { segments, verb, variables } = template;
  let own = path;
  if (verb !== '') {
    if (!path.endsWith(`:${verb}`)) return undefined;
    own = path.slice(0, -verb.length - 1);
  }
  const parts = own.slice(1).split('/');
  const open = segments.at(-1) === '**';
  if (open ? parts.length < segments.length - 1 : parts.length !== segments.length) return undefined;
  for (let i = 0; i < segments.length - (open ? 1 : 0); i++) {
    if (segments[i] === '*' ? parts[i] === '' : segments[i] !== parts[i]) return undefined;
  }
  return variables.map(({ field, from, to }) => {
    const last = open && to === segments.length ? parts.length : to;
    const multiple = last - from !== 1;
    return { field, value: unescaped(parts.slice(from, last).join('/'), multiple ? spec : 'ALL_CHARACTERS') };
  });
}

const RESERVED = /[!#$&'()*+,/:;=?@[\]]/;

/** What is no percent encoding stays as it is. */
export function unescaped(text: string, spec: UnescapeSpec): string {
  if (!text.includes('%')) return text;
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (whole, code: string) => {
    const char = String.fromCharCode(Number.parseInt(code, 16));
    if (spec === 'ALL_CHARACTERS_EXCEPT_RESERVED' && RESERVED.test(char)) return whole;
    return spec === 'ALL_CHARACTERS_EXCEPT_SLASH' && char === '/' ? whole : char;
  });
  return Buffer.from(bytes, 'latin1').toString();
}
