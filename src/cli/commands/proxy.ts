/**
 * `fairlead proxy`: runs an Envoy bootstrap. The flags are read by hand: what loads here delays the first request.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli.
 */
import { type Command, UsageError } from '#cli/command.ts';
import { PROXY_FLAGS } from '#cli/proxy-flags.ts';
import { parseProxyOptions } from '#cli/proxy-options.ts';

export const command: Command = {
  async run(args) {
    const parsed = parseProxyOptions(args);
    switch (parsed.kind) {
      case 'help':
        process.stdout.write((await import('#cli/proxy-help.ts')).proxyHelp());
        return 0;
      case 'version':
        process.stdout.write(`${(await import('#base/version.ts')).versionLine()}\n`);
        return 0;
      case 'hot_restart_version':
        process.stdout.write(`${(await import('#base/version.ts')).HOT_RESTART_VERSION}\n`);
        return 0;
      case 'problems':
        throw new UsageError(parsed.problems.join('\nfairlead proxy: '), 'proxy');
      case 'run': {
        const { runProxy } = await import('#proxy/server.ts');
        await runProxy(parsed.options);
        return undefined;
      }
    }
  },

  async completions() {
    const honoured = PROXY_FLAGS.filter((flag) => flag.refused === undefined);
    return [...honoured.map((flag) => `--${flag.name}`), '--version', '--hot-restart-version', '--help'];
  },
};
