/**
 * Every HTTP filter, one line each. The router is not among them: it ends each chain.
 */
import type { HttpFilter } from '#proxy/http/filter.ts';
import { dynamicForwardProxy } from '#proxy/http/filters/dynamic-forward-proxy.ts';

export const httpFilters: readonly HttpFilter[] = [dynamicForwardProxy];
