/**
 * What a handler of the admin API is: its path, what its parameters mean, and how it answers.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */
import type { AdminContext } from '#proxy/admin/context.ts';

export interface AdminParameter {
  name: string;
  help: string;
  /** A choice of these; without it and with `flag` unset, any text. */
  options?: readonly string[];
  /** Set by being there, whatever its value. */
  flag?: boolean;
}

export interface AdminRequest {
  /** From the query string, or from the body where that is a form. */
  params: AdminParams;
}

export interface AdminResponse {
  /** 200 without it. */
  status?: number;
  contentType: string;
  body: AdminBody;
}

/** Whole, or in parts that are made while it is sent, so that no request waits for all of it. A part may be empty. */
export type AdminBody = string | Uint8Array | Iterable<string>;

export interface AdminHandler {
  path: string;
  help: string;
  parameters?: readonly AdminParameter[];
  /** Changes something: refused unless the method is POST. */
  mutates?: boolean;
  /** Not listed in /help: an alias. */
  hidden?: boolean;
  answer(request: AdminRequest, context: AdminContext): AdminResponse | Promise<AdminResponse>;
}

/** Parameters by name; the first of a name counts. A plus sign is one: regular expressions need it. */
export class AdminParams {
  readonly entries: [name: string, value: string][];

  constructor(encoded: string) {
    this.entries = encoded
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const equals = pair.indexOf('=');
        return equals < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))];
      });
  }

  has(name: string): boolean {
    return this.entries.some((entry) => entry[0] === name);
  }

  get(name: string): string | undefined {
    return this.entries.find((entry) => entry[0] === name)?.[1];
  }

  all(name: string): string[] {
    return this.entries.filter((entry) => entry[0] === name).map((entry) => entry[1]);
  }
}

/** Percent signs that encode nothing stay as they are. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function text(body: string | Iterable<string>, status = 200): AdminResponse {
  return { status, contentType: 'text/plain; charset=UTF-8', body };
}

/** JSON as Envoy prints messages: one space a level. */
export function json(tree: unknown): AdminResponse {
  return { contentType: 'application/json', body: `${JSON.stringify(tree, null, 1)}\n` };
}

export function html(body: string): AdminResponse {
  return { contentType: 'text/html; charset=UTF-8', body };
}

export const OK = text('OK\n');
