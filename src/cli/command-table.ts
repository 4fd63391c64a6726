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
    name: 'config-diff',
    summary: 'say in what two configurations differ',
    load: async () => (await import('#cli/commands/config-diff.ts')).command,
  },
  {
    name: 'xds-server',
    summary: 'serve a directory of Envoy resources to any xDS client',
    load: async () => (await import('#cli/commands/xds-server.ts')).command,
  },
  {
    name: 'sample',
    summary: 'list the samples, or run one',
    load: async () => (await import('#cli/commands/sample.ts')).command,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('#cli/commands/completion.ts')).command,
  },
];
