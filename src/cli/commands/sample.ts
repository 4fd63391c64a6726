/**
 * `fairlead sample`: lists the samples, or runs one until it is told to stop.
 */
import { type Command, UsageError } from '#cli/command.ts';
import { loadSample, sampleNames } from '#cli/sample/find-samples.ts';

const EXAMPLES = `
Examples:
  fairlead sample                  what there is
  fairlead sample front-proxy      run it; Ctrl-C ends everything it started
  fairlead sample front-proxy --proxy-command envoy
                                   the same with a real Envoy as its proxy
  fairlead sample dynamic-xds --no-server
  fairlead sample dynamic-xds --only-server
                                   step by step, in two terminals
`;

interface Options {
  proxyCommand?: string;
  server: boolean;
  onlyServer?: boolean;
}

export const command: Command = {
  async run(args) {
    const { Command } = await import('commander');
    const { parse } = await import('#cli/commander.ts');
    const program = new Command('fairlead sample')
      .description('Lists the samples, or runs one until Ctrl-C.')
      .argument('[name]', 'the sample to run')
      .option('--proxy-command <command>', "what runs the bootstrap, instead of Fairlead's own proxy")
      .option('--no-server', 'without the management server of a sample that has one')
      .option('--only-server', 'only the management server, in another terminal')
      .addHelpText('after', EXAMPLES);
    if (!parse(program, args, 'sample')) return 0;

    const [name] = program.args;
    return name === undefined ? await list() : await run(name, program.opts<Options>());
  },

  async completions() {
    return [...sampleNames(), '--proxy-command', '--no-server', '--only-server', '--help'];
  },
};

async function list(): Promise<number> {
  for (const name of sampleNames()) {
    const { summary } = await loadSample(name);
    process.stdout.write(`${name.padEnd(16)} ${summary}\n`);
  }
  return 0;
}

async function run(name: string, { proxyCommand, server, onlyServer }: Options): Promise<number> {
  const names = sampleNames();
  if (!names.includes(name)) {
    const { closest } = await import('#base/closest.ts');
    const meant = closest(name, names);
    const hint = meant === undefined ? `there is ${names.join(', ')}` : `did you mean '${meant}'?`;
    throw new UsageError(`no sample '${name}' (${hint})`, 'sample');
  }
  const { programLine, runSample } = await import('#cli/sample/run-sample.ts');
  const sample = await loadSample(name);
  const selection = onlyServer ? 'only-server' : server ? 'all' : 'no-server';
  if (selection !== 'all' && !sample.parts.some((part) => part.server))
    throw new UsageError(`sample '${name}' has no management server`, 'sample');
  return await runSample(name, sample, {
    selection,
    ...(proxyCommand === undefined ? {} : { proxy: programLine(proxyCommand) }),
  });
}
