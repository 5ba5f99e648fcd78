/**
 * Every command of enid that the documents, the manual, the help and the catalog show is one that
 * the built program takes as it is printed; those that only read are run to their end.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { installCommandInto, runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';

const root = join(import.meta.dirname, '../..');
const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'units/catalog/enid.catalog', 'units/config.yaml'],
  ...['docs', 'docs/man'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
  'agent/main.ts',
  ...readdirSync(join(root, 'agent/cli/commands')).map((name) => `agent/cli/commands/${name}`),
];

/** Of a synopsis, or with a name that the reader is to put in. */
const isPattern = (line: string) => /…|\$\w|\[|\.\.\.|<\w+>|\b(?!ENI=)[A-Z]{3,}\b(?!=)|\||`|\$\{/.test(line);

/** `sudo enid plan --json`: from code in a line, and from lines of code. */
function listCommands(text: string): string[] {
  const inLine = [...text.matchAll(/`((?:sudo )?enid [^`\n]+)`/g)].map(([, line = '']) => line);
  const ofBlocks = [...text.matchAll(/^(?:#?\s+|\$ )?((?:sudo )?enid [a-z][^\n]*)$/gm)].map(([, line = '']) => line);
  return [...inLine, ...ofBlocks]
    .map((line) =>
      line
        // What the help says of it, a comment, where the output goes, the next program.
        .replace(/(?: {2,}| # | \| | && | > |;).*$/, '')
        .replace(/[,.:]$/, '')
        .trim(),
    )
    .filter((line) => !isPattern(line) && /^(?:sudo )?enid [a-z-]+/.test(line));
}

const names = ['run', 'status', 'plan', 'explain', 'doctor', 'report', 'graph', 'reload', 'takeover', 'config'];
const isCommand = (line: string) =>
  [...names, 'completion', 'help'].includes(line.replace(/^sudo /, '').split(' ')[1] ?? '');
/** Names of commands, which take more; and one that the document shows being refused. */
const others = ['enid explain', 'enid explain --json', 'enid completion', 'enid explain ens6'];
// A sentence that begins with the name of the program is none.
const printed = [
  ...new Set(documents.flatMap((path) => listCommands(readFileSync(join(root, path), 'utf8')).filter(isCommand))),
].filter(
  (line) =>
    !others.includes(line) &&
    !/ (?:and|are|as|by|does|has|in|is|of|on|or|shows|the|to|which|draws|writes|knows|says) /.test(`${line} `),
);

/** They read only, and end by themselves. */
const isReading = (line: string) =>
  /enid (?:status|plan|explain|doctor|report|graph|config|completion|help)\b/.test(line) && !/--watch/.test(line);

let lab: Lab;
beforeAll(async () => {
  lab = await openLab('printed', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
  const { guest } = lab.vpc;
  await installCommandInto(guest);
  await guest.writeFile('/run/enid-command/sudo', '#!/bin/sh\nexec "$@"\n');
  await guest.check(['chmod', '755', '/run/enid-command/sudo']);
  await guest.check(['mkdir', '/run/desk']);
  await guest.check(['chmod', '777', '/run/desk']);
  expect(await runEnid(guest, ['report', '--output', '/run/desk/enid-report.json'])).toMatchObject({ code: 0 });
  await guest.check(['chmod', '644', '/run/desk/enid-report.json']);
  await guest.check(['sh', '-c', 'cp /etc/enid/config.yaml /run/desk/new.yaml && chmod 644 /run/desk/new.yaml']);
}, testMs);
afterAll(() => closeLab(lab));

/** `as`: `nobody` may change nothing. */
function run(line: string, as: 'root' | 'nobody') {
  const seconds = as === 'root' ? '30' : '3';
  const user = as === 'root' ? [] : ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
  // Files that the reader has.
  const here = line.replaceAll('/tmp/new.yaml', '/run/desk/new.yaml');
  const script = `cd /run/desk; PATH=/run/enid-command:$PATH; ${here}`;
  return lab.vpc.guest.run([...user, 'timeout', seconds, 'bash', '-c', script], { timeoutMs: 35_000 });
}

it('there are many', () => {
  expect(printed.length).toBeGreaterThan(40);
  for (const name of names) expect(printed.filter((line) => line.includes(`enid ${name}`))).not.toEqual([]);
});

it.each(printed)(
  '%s',
  async (line) => {
    const reads = isReading(line);
    const { stderr, code } = await run(line, reads ? 'root' : 'nobody');
    // What the command line itself refuses is followed by this hint.
    expect(`${line}: ${stderr}`).not.toContain('(enid --help has');
    // 2 and 3 are answers; 1 is none.
    if (reads) expect([line, stderr, code === 0 || code === 2 || code === 3]).toEqual([line, stderr, true]);
  },
  40_000,
);
