/**
 * URI templates of paths: `/users/{name}/*` and `/{rest=**}`. Read into a regular expression of RE2 with a group for each variable.
 * Follows envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig and
 * envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig.
 */

/** RFC 3986's characters of a path segment, without `*`, which is an operator. */
const SEGMENT_CHARACTERS = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";
const LITERAL = new RegExp(`^[${SEGMENT_CHARACTERS}]+$`);
/** Text, `*` and names of variables in braces, without two slashes in a row. */
const REWRITE = new RegExp(`^/(?!/)(?:(?:[${SEGMENT_CHARACTERS}*]|\\{[a-zA-Z][a-zA-Z0-9_]*\\})/?)*$`);
const ONE_SEGMENT = `[${SEGMENT_CHARACTERS}]+`;
const ANY_SEGMENTS = `[${SEGMENT_CHARACTERS}/]*`;
const MAX_VARIABLES = 5;
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,15}$/;

export interface PathTemplate {
  /** A pattern of RE2 that the whole path must match. */
  pattern: string;
  /** Names of the variables in the order of the pattern's groups. */
  variables: string[];
}

/** A template that cannot be read. */
export class PathTemplateError extends Error {}

/** @throws PathTemplateError for a template that Envoy would refuse. */
export function pathTemplatePattern(template: string): PathTemplate {
  return new Reader(template).read();
}

class Reader {
  readonly #template: string;
  readonly #variables: string[] = [];
  #rest: string;
  #anySeen = false;

  constructor(template: string) {
    this.#template = template;
    this.#rest = template;
  }

  read(): PathTemplate {
    if (!/^\/[!-~]*$/.test(this.#template))
      throw this.#error('must start with a slash and hold visible characters only');
    let pattern = '';
    while (this.#rest !== '') {
      if (/^\/(\/|\{[^}=]*=\/)/.test(this.#rest)) throw this.#error('has two slashes in a row');
      pattern += this.#rest.startsWith('{') ? this.#variable() : this.#part();
    }
    return { pattern, variables: this.#variables };
  }

  /** A slash, an operator, or text up to what comes next. */
  #part(): string {
    if (this.#rest.startsWith('/')) return this.#take('/');
    if (this.#rest.startsWith('*')) return this.#operator();
    const [literal] = this.#rest.split(/[/{]/, 1);
    if (!LITERAL.test(literal)) throw this.#error(`has a bad literal '${literal}'`);
    return this.#take(literal).replace(/[$()+.]/g, '\\$&');
  }

  #operator(): string {
    if (this.#anySeen) throw this.#error('has an operator after **');
    if (!this.#rest.startsWith('**')) {
      this.#take('*');
      return ONE_SEGMENT;
    }
    this.#take('**');
    this.#anySeen = true;
    return ANY_SEGMENTS;
  }

  /** `{name}`, `{name=*}`, `{name=a/*}`. */
  #variable(): string {
    const end = this.#rest.indexOf('}');
    if (end < 0) throw this.#error('has a brace that is not closed');
    const inside = this.#rest.slice(1, end);
    const after = this.#rest.slice(end + 1);
    const equals = inside.indexOf('=');
    this.#declare(equals < 0 ? inside : inside.slice(0, equals));
    this.#rest = equals < 0 ? '*' : inside.slice(equals + 1);
    const pattern = this.#variablePattern();
    this.#rest = after;
    return `(${pattern})`;
  }

  #variablePattern(): string {
    if (this.#rest === '') throw this.#error('has a variable with an empty pattern');
    let pattern = '';
    let afterOperator = false;
    while (this.#rest !== '') {
      if (afterOperator && !this.#rest.startsWith('/'))
        throw this.#error('lacks a slash after an operator in a variable');
      afterOperator = this.#rest.startsWith('*');
      pattern += this.#part();
    }
    return pattern;
  }

  #declare(name: string): void {
    if (!VARIABLE_NAME.test(name)) throw this.#error(`has a bad variable name '${name}'`);
    if (this.#variables.includes(name)) throw this.#error(`has the variable '${name}' twice`);
    if (this.#variables.length === MAX_VARIABLES) throw this.#error(`has more than ${MAX_VARIABLES} variables`);
    this.#variables.push(name);
  }

  #take(text: string): string {
    this.#rest = this.#rest.slice(text.length);
    return text;
  }

  #error(what: string): PathTemplateError {
    return new PathTemplateError(`path template '${this.#template}' ${what}`);
  }
}

/** A piece of a rewrite: text, or the number of the variable (from 1) whose value stands there. */
export type RewritePiece = string | number;

/** Whether a rewrite template has the shape of one, whatever its variables are. */
export function isPathTemplateRewrite(rewrite: string): boolean {
  return REWRITE.test(rewrite);
}

/** Reads a rewrite template against the match template whose variables it uses. @throws PathTemplateError. */
export function pathTemplateRewrite(rewrite: string, { variables }: PathTemplate): RewritePiece[] {
  if (!rewrite.startsWith('/'))
    throw new PathTemplateError(`path template rewrite '${rewrite}' must start with a slash`);
  return rewrite
    .split(/(\{[^}]*\})/)
    .filter((piece) => piece !== '')
    .map((piece) => {
      if (!piece.startsWith('{')) return piece;
      const index = variables.indexOf(piece.slice(1, -1));
      if (index < 0)
        throw new PathTemplateError(`path template rewrite '${rewrite}' uses ${piece}, which the match does not have`);
      return index + 1;
    });
}
