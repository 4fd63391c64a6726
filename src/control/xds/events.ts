/**
 * What a management server notices of its clients, for whoever shows or counts it.
 */
import type { ResourceType } from '#control/xds/resource-types.ts';

export type XdsEvent =
  | { kind: 'connected'; node: string; how: string }
  | { kind: 'disconnected'; node: string; how: string }
  /** A response went out. */
  | { kind: 'sent'; node: string; type: ResourceType; version: string; count: number }
  | { kind: 'ack'; node: string; type: ResourceType; version: string }
  /** The client keeps what it has, and says why. */
  | { kind: 'nack'; node: string; type: ResourceType; version: string; message: string };

export type XdsListener = (event: XdsEvent) => void;
