/**
 * Every command, in the order in which help shows them.
 */
import type { CommandEntry } from '#cli/command.ts';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'proxy',
    summary: "run an Envoy bootstrap; takes Envoy's flags",
    load: async () => (await import('#cli/commands/proxy.ts')).command,
  },
  {
    name: 'explain',
    summary: 'say where a request would go, and why',
    load: async () => (await import('#cli/commands/explain.ts')).command,
  },
  {
    name: 'proxy-config',
    aliases: ['pc'],
    summary: "show a proxy's configuration as istioctl does",
    load: async () => (await import('#cli/commands/proxy-config.ts')).command,
  },
  {
    name: 'xds-server',
    summary: 'serve a directory of Envoy resources to any xDS client',
    load: async () => (await import('#cli/commands/xds-server.ts')).command,
