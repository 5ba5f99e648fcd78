/**
 * What `enid report` takes from the host beside what a decision needs: files, words of systemd,
 * journal.
 */

import { arch, release } from 'node:os';
import { join } from 'node:path';
import { list } from '../../lib/file/try-read.ts';
import { runCommand } from '../../lib/process/run-command.ts';
import { readText } from './host-facts.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface ReportFacts {
  readonly host: Readonly<Record<string, string>>;
  /** Files of networkd, and what it says of its links. */
  readonly files: readonly TextFile[];
  readonly networkctl: string | null;
  /** The last entries of enid and systemd-networkd; null: it cannot be read. */
  readonly journal: readonly string[] | null;
}

const mostFiles = 500;
/** Characters of one file, and of what networkctl prints. */
const longestText = 64 * 1024;
const journalLines = 1_000;
const longestLine = 2_000;
const commandMs = 10_000;

/** Never rejects: what cannot be read is left out. */
export async function readReportFacts(): Promise<ReportFacts> {
  const [networkctl, journal] = await Promise.all([
    run(['networkctl', 'status', '--all', '--no-pager', '--lines=0']),
    run([
      ...['journalctl', '--no-pager', '--output=short-iso', '--no-hostname', `--lines=${journalLines}`],
      ...['--unit=enid', '--unit=systemd-networkd'],
    ]),
  ]);
  return {
    host: readHost(),
    files: readFiles(),
    networkctl: networkctl?.slice(0, longestText) ?? null,
    journal: journal?.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(0, longestLine)])) ?? null,
  };
}

async function run(argv: readonly string[]): Promise<string | null> {
  const { code, stdout } = await runCommand(argv, { timeoutMs: commandMs });
  return code === 0 ? stdout : null;
}

function readHost(): Record<string, string> {
  const osRelease = readText('/etc/os-release') ?? '';
  const [, system = 'unknown'] = /^PRETTY_NAME="?(.*?)"?$/m.exec(osRelease) ?? [];
  return { kernel: release(), architecture: arch(), system, node: process.version };
}

/**
 * Units of networkd, its settings, and links in /run: what decides about a link. No .netdev: it may
 * hold keys.
 */
function readFiles(): TextFile[] {
  const roots = ['/etc', '/run', '/usr/local/lib', '/usr/lib'].map((root) => `${root}/systemd`);
  const paths = roots.flatMap((root) => [
    join(root, 'networkd.conf'),
    ...list(join(root, 'networkd.conf.d')).map((name) => join(root, 'networkd.conf.d', name)),
    ...list(join(root, 'network')).flatMap((name) => {
      const path = join(root, 'network', name);
      return /\.(network|link)\.d$/.test(name) ? list(path).map((one) => join(path, one)) : [path];
    }),
  ]);
  const states = [
    '/run/systemd/netif/state',
    ...list('/run/systemd/netif/links').map((name) => `/run/systemd/netif/links/${name}`),
  ];
  return [...paths.filter((path) => /\.(network|link|conf)$/.test(path)), ...states]
    .slice(0, mostFiles)
    .flatMap((path) => {
      const text = readText(path);
      return text === null ? [] : [{ path, text: text.slice(0, longestText) }];
    });
}
