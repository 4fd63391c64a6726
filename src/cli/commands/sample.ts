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
`;

export const command: Command = {
  async run(args) {
    const { Command } = await import('commander');
    const { parse } = await import('#cli/commander.ts');
    const program = new Command('fairlead sample')
      .description('Lists the samples, or runs one until Ctrl-C.')
      .argument('[name]', 'the sample to run')
      .option('--proxy-command <command>', "what runs the bootstrap, instead of Fairlead's own proxy")
      .addHelpText('after', EXAMPLES);
    if (!parse(program, args, 'sample')) return 0;

    const [name] = program.args;
    return name === undefined ? await list() : await run(name, program.opts().proxyCommand);
  },

  async completions() {
    return [...sampleNames(), '--proxy-command', '--help'];
  },
};

async function list(): Promise<number> {
  for (const name of sampleNames()) {
    const { summary } = await loadSample(name);
    process.stdout.write(`${name.padEnd(16)} ${summary}\n`);
  }
  return 0;
}

async function run(name: string, proxyCommand: string | undefined): Promise<number> {
  const names = sampleNames();
  if (!names.includes(name)) {
    const { closest } = await import('#base/closest.ts');
    const meant = closest(name, names);
    const hint = meant === undefined ? `there is ${names.join(', ')}` : `did you mean '${meant}'?`;
    throw new UsageError(`no sample '${name}' (${hint})`, 'sample');
  }
  const { programLine, runSample } = await import('#cli/sample/run-sample.ts');
  const sample = await loadSample(name);
  return await runSample(name, sample, proxyCommand === undefined ? undefined : programLine(proxyCommand));
}
