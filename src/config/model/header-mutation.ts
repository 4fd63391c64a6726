/**
 * Headers to add and remove, as configured at each level. Follows config.core.v3.HeaderValueOption.
 */

export type AppendAction =
  | 'APPEND_IF_EXISTS_OR_ADD'
  | 'ADD_IF_ABSENT'
  | 'OVERWRITE_IF_EXISTS_OR_ADD'
  | 'OVERWRITE_IF_EXISTS';

export interface HeaderToAdd {
  /** Lower case. */
  name: string;
  /** A format string with command operators. */
  value: string;
  action: AppendAction;
  keepEmptyValue: boolean;
}

/** What one level (route, virtual host, route table, weighted cluster) does to request and response headers. */
export interface HeaderMutations {
  requestAdd: HeaderToAdd[];
  requestRemove: string[];
  responseAdd: HeaderToAdd[];
  responseRemove: string[];
}
