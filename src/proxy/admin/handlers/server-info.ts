/** `/server_info`: version, state, uptime, flags and node. Follows admin.v3.ServerInfo. */

import { toTree } from '#api/encode.ts';
import { messageType } from '#api/registry.ts';
import { type AdminHandler, json } from '#proxy/admin/handler.ts';
import type { LogLevel, ProxyOptions } from '#proxy/options.ts';

export const serverInfo: AdminHandler = {
  path: '/server_info',
  help: 'print version, state, uptime and flags',
  answer(_request, context) {
    const seconds = (since: number) => `${Math.max(0, Math.floor((Date.now() - since) / 1000))}s`;
    const node = context.config.node();
    const nodeType = messageType('envoy.config.core.v3.Node');
    return json({
      version: context.version,
      state: context.state(),
      uptime_current_epoch: seconds(context.startTime),
      uptime_all_epochs: seconds(context.firstEpochStartTime),
      hot_restart_version: context.hotRestartVersion,
      command_line_options: optionsTree(context.options),
      ...(node !== undefined && { node: toTree(nodeType, node, { protoNames: true, alwaysEmitImplicit: true }) }),
      hot_restart_initializing: context.hotRestartInitializing(),
    });
  },
};

/** Follows admin.v3.CommandLineOptions; every field is printed. */
function optionsTree(options: ProxyOptions): object {
  return {
    base_id: String(options.baseId),
    concurrency: options.concurrency,
    config_path: options.configPath ?? '',
    config_yaml: options.configYaml ?? '',
    allow_unknown_static_fields: options.allowUnknownStaticFields,
    admin_address_path: options.adminAddressPath ?? '',
    local_address_ip_version: options.localAddressIpVersion,
    log_level: options.logLevel,
    component_log_level: levelsText(options.componentLogLevel),
    log_format: options.logFormat,
    log_path: options.logPath ?? '',
    service_cluster: options.serviceCluster,
    service_node: options.serviceNode,
    service_zone: options.serviceZone,
    file_flush_interval: millisecondsText(options.fileFlushIntervalMsec),
    drain_time: `${options.drainTimeS}s`,
    parent_shutdown_time: `${options.parentShutdownTimeS}s`,
    mode: { serve: 'Serve', validate: 'Validate', init_only: 'InitOnly' }[options.mode],
    disable_hot_restart: options.disableHotRestart,
    enable_mutex_tracing: false,
    restart_epoch: options.restartEpoch,
    cpuset_threads: false,
    reject_unknown_dynamic_fields: options.rejectUnknownDynamicFields,
    log_format_escaped: options.logFormatEscaped,
    disabled_extensions: [],
    ignore_unknown_dynamic_fields: options.ignoreUnknownDynamicFields,
    use_dynamic_base_id: options.useDynamicBaseId,
    base_id_path: options.baseIdPath ?? '',
    drain_strategy: options.drainStrategy === 'gradual' ? 'Gradual' : 'Immediate',
    enable_fine_grain_logging: false,
    socket_path: options.socketPath,
    socket_mode: options.socketMode,
    enable_core_dump: false,
    stats_tag: options.statsTags.map(({ name, value }) => `${name}:${value}`),
    skip_hot_restart_on_no_parent: options.skipHotRestartOnNoParent,
    skip_hot_restart_parent_stats: options.skipHotRestartParentStats,
    skip_deprecated_logs: options.skipDeprecatedLogs,
    file_flush_min_size: options.fileFlushMinSizeKb,
    log_stacktrace_single_entry: false,
  };
}

function levelsText(levels: Record<string, LogLevel>): string {
  return Object.entries(levels)
    .map(([component, level]) => `${component}:${level}`)
    .join(',');
}

function millisecondsText(milliseconds: number): string {
  const fraction = milliseconds % 1000;
  return `${Math.floor(milliseconds / 1000)}${fraction === 0 ? '' : `.${String(fraction).padStart(3, '0')}`}s`;
}
