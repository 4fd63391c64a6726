/**
 * The fields of one header block, checked and sorted: pseudo headers apart, the others into `Headers` (RFC 9113, sections 8.1 to 8.3). The
 * whole block is always read, because it changes the table; the first rule that it breaks is what is told.
 */
import type { Headers } from '#wire/headers.ts';
import { isHostText } from '#wire/http1/request-target.ts';
import { FieldKind } from '#wire/http2/field-kind.ts';
import type { FieldSink } from '#wire/http2/hpack-decoder.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';
import { FIELD_OVERHEAD } from '#wire/http2/static-table.ts';
import { type Violation, Violations } from '#wire/http2/violation.ts';
import { Known } from '#wire/known-headers.ts';

export const REQUEST = 0;
export const RESPONSE = 1;
export const TRAILERS = 2;

const CONNECTION = Known.connection;
const KEEP_ALIVE = Known['keep-alive'];
const PROXY_CONNECTION = Known['proxy-connection'];
const TRANSFER_ENCODING = Known['transfer-encoding'];
const UPGRADE = Known.upgrade;
const TE = Known.te;
const COOKIE = Known.cookie;
const LENGTH = Known['content-length'];
const HOST = Known.host;
const SLASH = 47;

/** Characters that are no ASCII. */
const OBS_TEXT = /[\x80-\xff]/;

export type MessageLimits = Pick<
  SessionOptions,
  'maxHeaderListBytes' | 'maxHeadersCount' | 'maxHeaderFieldBytes' | 'disallowObsText'
>;

export class MessageReader implements FieldSink, MessageHead {
  method = '';
  scheme = '';
  authority = '';
  path = '';
  protocol = '';
  status = 0;
  wireBytes = 0;
  fieldBytes = 0;
  /** What content-length says; -1 where there is none. */
  length = -1;
  private headers!: Headers;
  private message = REQUEST;
  private violation: Violation | undefined = undefined;
  private fields = 0;
  private listBytes = 0;
  private regular = false;
  /** Bit by bit which pseudo headers came. */
  private pseudo = 0;
  private cookies = 0;
  private readonly limits: MessageLimits;

  constructor(limits: MessageLimits) {
    this.limits = limits;
  }

  begin(message: number, headers: Headers, wireBytes: number): void {
    this.message = message;
    this.headers = headers;
    this.wireBytes = wireBytes;
    this.method = '';
    this.scheme = '';
    this.authority = '';
    this.path = '';
    this.protocol = '';
    this.status = 0;
    this.fieldBytes = 0;
    this.length = -1;
    this.violation = undefined;
    this.fields = 0;
    this.listBytes = 0;
    this.regular = false;
    this.pseudo = 0;
    this.cookies = 0;
  }

  onField(kind: number, name: string, value: string, valid: boolean): void {
    const bytes = name.length + value.length;
    this.fieldBytes += bytes;
    this.listBytes += bytes + FIELD_OVERHEAD;
    if (this.violation !== undefined) return;
    const { maxHeaderListBytes, maxHeadersCount, maxHeaderFieldBytes, disallowObsText } = this.limits;
    if (this.listBytes > maxHeaderListBytes || bytes > maxHeaderFieldBytes) this.violation = Violations.TooLargeHeaders;
    else if (disallowObsText && OBS_TEXT.test(value)) this.violation = Violations.BadField;
    else if (!valid) this.violation = kind < 0 && kind !== FieldKind.Bad ? badPseudoValue(kind) : Violations.BadField;
    else if (kind < 0) this.onPseudo(kind, value);
    else {
      this.regular = true;
      if (++this.fields > maxHeadersCount) this.violation = Violations.TooManyHeaders;
      else if (kind === 0) this.headers.addField(0, name, value);
      else this.onKnown(kind, name, value);
    }
  }

  private onKnown(kind: number, name: string, value: string): void {
    switch (kind) {
      case CONNECTION:
      case KEEP_ALIVE:
      case PROXY_CONNECTION:
      case TRANSFER_ENCODING:
      case UPGRADE:
        this.violation = Violations.ConnectionField;
        return;
      case TE:
        if (value !== 'trailers') this.violation = Violations.ConnectionField;
        break;
      case COOKIE:
        this.cookies++;
        break;
      case LENGTH:
        if (!this.onLength(value)) return;
        break;
    }
    this.headers.addField(kind, name, value);
  }

  /** @returns whether the field is to be kept: of equal ones, the first */
  private onLength(value: string): boolean {
    const length = wholeNumber(value);
    if (length < 0 || (this.length >= 0 && this.length !== length)) this.violation = Violations.BadLength;
    else if (this.length < 0) {
      this.length = length;
      return true;
    }
    return false;
  }

  private onPseudo(kind: number, value: string): void {
    const bit = 1 << -kind;
    const response = kind === FieldKind.Status;
    if (
      kind <= FieldKind.UnknownPseudo ||
      this.regular ||
      this.message === TRAILERS ||
      response !== (this.message === RESPONSE) ||
      (this.pseudo & bit) !== 0
    ) {
      this.violation = Violations.BadPseudoHeader;
      return;
    }
    this.pseudo |= bit;
    switch (kind) {
      case FieldKind.Method:
        this.method = value;
        break;
      case FieldKind.Scheme:
        this.scheme = value;
        break;
      case FieldKind.Authority:
        this.authority = value;
        break;
      case FieldKind.Path:
        this.path = value;
        break;
      case FieldKind.Protocol:
        this.protocol = value;
        break;
      default:
        this.status = statusOf(value);
        if (this.status === 0) this.violation = Violations.BadPseudoHeader;
    }
  }

  private has(kind: number): boolean {
    return (this.pseudo & (1 << -kind)) !== 0;
  }

  /** The block is whole. @returns the rule that it breaks, if any */
  finish(allowConnect: boolean): Violation | undefined {
    if (this.violation !== undefined) return this.violation;
    const violation = this.message === REQUEST ? this.checkRequest(allowConnect) : this.checkOther();
    if (violation !== undefined) return violation;
    // 8.2.3: crumbs make one cookie again.
    if (this.cookies > 1) this.headers.setKnown(COOKIE, this.headers.all('cookie').join('; '));
    return undefined;
  }

  private checkOther(): Violation | undefined {
    return this.message === RESPONSE && !this.has(FieldKind.Status) ? Violations.MissingPseudoHeader : undefined;
  }

  /** 8.3.1, 8.5, and RFC 8441, section 4. */
  private checkRequest(allowConnect: boolean): Violation | undefined {
    const { path } = this;
    const connect = this.method === 'CONNECT';
    const extended = this.has(FieldKind.Protocol);
    if (extended && (!connect || !allowConnect || this.protocol === '')) return Violations.BadPseudoHeader;
    if (connect && !extended) {
      if (this.has(FieldKind.Scheme) || this.has(FieldKind.Path)) return Violations.BadPseudoHeader;
      if (this.authority === '') return Violations.MissingPseudoHeader;
      return isHostText(this.authority) ? undefined : Violations.BadField;
    }
    if (!this.has(FieldKind.Method) || !this.has(FieldKind.Scheme) || !this.has(FieldKind.Path))
      return Violations.MissingPseudoHeader;
    const authority = this.has(FieldKind.Authority) ? this.authority : this.headers.getKnown(HOST);
    if (authority === undefined) return Violations.MissingPseudoHeader;
    if (!isHostText(authority)) return Violations.BadField;
    if (this.method === '' || this.scheme === '' || path === '') return Violations.BadPseudoHeader;
    const rooted = path.charCodeAt(0) === SLASH || (path === '*' && this.method === 'OPTIONS');
    return rooted ? undefined : Violations.BadPath;
  }
}

function badPseudoValue(kind: number): Violation {
  return kind === FieldKind.UnknownPseudo ? Violations.BadPseudoHeader : Violations.BadField;
}

function statusOf(value: string): number {
  if (value.length !== 3) return 0;
  const status = wholeNumber(value);
  return status >= 100 ? status : 0;
}

/** @returns a number of digits only, or -1 */
function wholeNumber(value: string): number {
  const digits = value.length;
  if (digits === 0 || digits > 15) return -1;
  let number = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
