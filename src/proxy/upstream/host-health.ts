/**
 * Why a host is unhealthy or degraded, as bits, and what follows from them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters (health_flags).
 */
import type { HealthStatus } from '#config/model/cluster.ts';

export type Health = 'healthy' | 'degraded' | 'unhealthy';

export const HealthFlag = {
  FailedActiveHc: 0x1,
  FailedOutlierCheck: 0x2,
  FailedEdsHealth: 0x4,
  DegradedActiveHc: 0x8,
  DegradedEdsHealth: 0x10,
  PendingDynamicRemoval: 0x20,
  PendingActiveHc: 0x40,
  ExcludedViaImmediateHcFail: 0x80,
  ActiveHcTimeout: 0x100,
  EdsStatusDraining: 0x200,
  DegradedOutlierDetection: 0x400,
} as const;

/** In the order in which Envoy prints them. */
const NAMES: [flag: number, name: string][] = [
  [HealthFlag.FailedActiveHc, '/failed_active_hc'],
  [HealthFlag.FailedOutlierCheck, '/failed_outlier_check'],
  [HealthFlag.FailedEdsHealth, '/failed_eds_health'],
  [HealthFlag.DegradedActiveHc, '/degraded_active_hc'],
  [HealthFlag.DegradedEdsHealth, '/degraded_eds_health'],
  [HealthFlag.PendingDynamicRemoval, '/pending_dynamic_removal'],
  [HealthFlag.PendingActiveHc, '/pending_active_hc'],
  [HealthFlag.ExcludedViaImmediateHcFail, '/excluded_via_immediate_hc_fail'],
  [HealthFlag.ActiveHcTimeout, '/active_hc_timeout'],
  [HealthFlag.EdsStatusDraining, '/eds_status_draining'],
  [HealthFlag.DegradedOutlierDetection, '/degraded_outlier_detection'],
];

const UNHEALTHY =
  HealthFlag.FailedActiveHc | HealthFlag.FailedOutlierCheck | HealthFlag.FailedEdsHealth | HealthFlag.EdsStatusDraining;
const DEGRADED = HealthFlag.DegradedActiveHc | HealthFlag.DegradedEdsHealth | HealthFlag.DegradedOutlierDetection;
const EXCLUDED = HealthFlag.PendingActiveHc | HealthFlag.ExcludedViaImmediateHcFail | HealthFlag.EdsStatusDraining;

export function healthOf(flags: number): Health {
  if ((flags & UNHEALTHY) !== 0) return 'unhealthy';
  return (flags & DEGRADED) !== 0 ? 'degraded' : 'healthy';
}

/** Whether the host is left out when the share of healthy hosts is computed. */
export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED) !== 0;
}

/** The flags that a control plane's health status sets. */
export function edsHealthFlags(status: HealthStatus): number {
  switch (status) {
    case 'UNHEALTHY':
    case 'TIMEOUT':
      return HealthFlag.FailedEdsHealth;
    case 'DRAINING':
      return HealthFlag.EdsStatusDraining;
    case 'DEGRADED':
      return HealthFlag.DegradedEdsHealth;
    default:
      return 0;
  }
}

/** Envoy's text of the flags: `healthy`, or `/failed_active_hc/degraded_eds_health`. */
export function healthFlagsText(flags: number): string {
  if (flags === 0) return 'healthy';
  let text = '';
  for (const [flag, name] of NAMES) if ((flags & flag) !== 0) text += name;
  return text;
}
