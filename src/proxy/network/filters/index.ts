/**
 * Every network filter, one line each.
 */
import { httpConnectionManager } from '#proxy/http/http-network-filter.ts';
import { echo } from '#proxy/network/filters/echo.ts';
import type { NetworkFilter, TerminalFilter } from '#proxy/network/network-filter.ts';
import { tcpProxy } from '#proxy/network/tcp-proxy/tcp-proxy.ts';

export const networkFilters: readonly (NetworkFilter | TerminalFilter)[] = [httpConnectionManager, tcpProxy, echo];
