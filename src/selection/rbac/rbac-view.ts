/**
 * What access control sees of a request or a connection: read only, whether it comes from a socket or from `explain`'s command line.
 */
import type { ConnectionView, HeaderView } from '#selection/request-view.ts';

export interface RbacView {
  connection: ConnectionView;
  /** Who it is from, as far as x-forwarded-for or a listener filter tells. */
  remoteIp: string;
  /** Undefined where it is no request. */
  headers?: HeaderView;
  /** Request line's parts; empty where it is no request. */
  method: string;
  path: string;
  host: string;
  scheme: string;
  dynamicMetadata?: Record<string, unknown> | undefined;
  routeMetadata?: Record<string, unknown> | undefined;
  filterState?: ReadonlyMap<string, unknown> | undefined;
}
