/**
 * What the command line asks of the proxy: Envoy's flags as plain data, with Envoy's names in camel case.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli.
 */

import type { LogLevel } from '#base/logger.ts';

export type { LogLevel };

/** `serve` runs until it is told to stop, `validate` reads the configuration, `init_only` stops once initialized. */
export type Mode = 'serve' | 'validate' | 'init_only';

/** A tag that every stat carries: `--stats-tag name:value`. */
export interface StatsTag {
  name: string;
  value: string;
}

/** Envoy's. */
export const DEFAULT_LOG_FORMAT = '[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v';

/** Everything that `fairlead proxy` can be told by flags; structured-cloneable, so that workers can have it too. */
export interface ProxyOptions {
  /** The bootstrap's file: YAML, JSON or, by its suffix, binary `.pb` or text. */
  configPath?: string;
  /** YAML that is merged over the file. */
  configYaml?: string;
  mode: Mode;
  /** Worker threads, at least 1. */
  concurrency: number;

  logLevel: LogLevel;
  /** Levels of single loggers, over `logLevel`. */
  componentLogLevel: Record<string, LogLevel>;
  /** Where the log goes; standard error without it. */
  logPath?: string;
  /** spdlog's pattern. */
  logFormat: string;
  /** Writes line breaks and other C escapes inside a message as two characters. */
  logFormatEscaped: boolean;
  /** Says nothing of deprecated fields. */
  skipDeprecatedLogs: boolean;

  serviceNode: string;
  serviceCluster: string;
  serviceZone: string;
  /** A file that receives the admin listener's address. */
  adminAddressPath?: string;
  localAddressIpVersion: 'v4' | 'v6';
  statsTags: StatsTag[];

  /** Warn of unknown fields in the bootstrap instead of refusing them. */
  allowUnknownStaticFields: boolean;
  /** Refuse unknown fields in what discovery brings, instead of warning. */
  rejectUnknownDynamicFields: boolean;
  /** Do not even warn of unknown fields in what discovery brings. */
  ignoreUnknownDynamicFields: boolean;

  drainTimeS: number;
  drainStrategy: 'gradual' | 'immediate';
  parentShutdownTimeS: number;

  disableHotRestart: boolean;
  baseId: number;
  /** Take the first base id that is free. */
  useDynamicBaseId: boolean;
  /** A file that receives the base id. */
  baseIdPath?: string;
  restartEpoch: number;
  /** The socket over which generations of a hot restart meet; `@` stands for the abstract namespace. */
  socketPath: string;
  /** The socket file's permissions, where it is a file. */
  socketMode: number;
  /** Start as the first generation where no parent answers. */
  skipHotRestartOnNoParent: boolean;
  /** Do not take over the parent's stats. */
  skipHotRestartParentStats: boolean;

  /** Access logs are flushed this often, */
  fileFlushIntervalMsec: number;
  /** or when this much has gathered. */
  fileFlushMinSizeKb: number;
}
