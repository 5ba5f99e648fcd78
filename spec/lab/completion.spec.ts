/** Completion as the shells themselves do it: bash, zsh on a terminal, fish. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab('completion', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
  const { guest } = lab.vpc;
  await guest.check(['mkdir', '-p', '/run/completion/bin']);
  await guest.writeFile(
    '/run/completion/bin/enid',
    `#!/bin/sh\nexec ${process.execPath} ${resolve('dist/enid.js')} "$@"\n`,
  );
  await guest.check(['chmod', '755', '/run/completion/bin/enid']);
  for (const shell of ['bash', 'zsh', 'fish'])
    await guest.writeFile(`/run/completion/${shell}`, readFileSync(join('dist/completions', shell), 'utf8'));
  await guest.check(['cp', '/run/completion/zsh', '/run/completion/_enid']);
}, testMs);
afterAll(() => closeLab(lab));

const environment = 'export PATH=/run/completion/bin:$PATH LC_ALL=C.UTF-8 HOME=/run/completion TERM=dumb';
const enis = ['ens5', 'ens6', 'eni-00000000000000001', 'eni-00000000000000002'];
/** What is typed before the key, and what is offered, among others or alone. */
const cases: readonly (readonly [string, readonly string[], boolean])[] = [
  ['enid st', ['status'], true],
  ['enid config ', ['check', 'show', 'schema'], true],
  ['enid status --w', ['--watch'], true],
  ['enid config show --re', ['--resolved'], true],
  ['enid status ', enis, false],
  ['enid wait --timeout 60 ', enis, false],
  ['enid status -o ', ['wide'], true],
  ['enid explain 10.0.2.2', ['10.0.2.20', '10.0.2.21', '10.0.2.22', '10.0.2.23'], true],
  ['enid explain 10.0.2.20 10.0.1.1', ['10.0.1.10', '10.0.1.11'], false],
  ['enid explain 2001:db8:0:2::2', ['2001:db8:0:2::20', '2001:db8:0:2::21'], true],
  ['enid completion ', ['bash', 'zsh', 'fish'], true],
  ['enid help pl', ['plan'], true],
  ['enid plan --config /etc/enid/c', ['config.yaml'], false],
];

async function offerBash(line: string): Promise<string[]> {
  const script = `${environment}; . /run/completion/bash
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=($1) COMP_CWORD=\${#COMP_WORDS[@]} _enid 2>/dev/null
COMP_LINE=$1; COMP_POINT=\${#1}; _enid; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = await lab.vpc.guest.check(['bash', '--norc', '-c', script, 'bash', line]);
  // readline keeps what stands before the last colon.
  const [, typed = ''] = /(\S*:)\S*$/.exec(line) ?? [];
  return output
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => `${typed}${word}`);
}

async function offerFish(line: string): Promise<string[]> {
  const script = `${environment}; mkdir -p /run/completion/.config /run/completion/.local
exec fish --no-config -c 'source /run/completion/fish; complete -C "$argv[1]"' "$1"`;
  const output = await lab.vpc.guest.check(['bash', '-c', script, 'bash', line]);
  return output
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => word.replace(/\t.*$/, ''));
}

/**
 * zsh completes on a terminal only: zsh/zpty is one. What compadd is given there is what is
 * offered; the key is typed into a shell that has finished its start.
 */
const zshScript = `zmodload zsh/zpty
zpty shell zsh -f -i
say() { zpty -w shell "$1" }
say 'PROMPT= RPROMPT=; fpath=(/run/completion $fpath); autoload -U compinit; compinit -D -u'
say 'compadd() { local -a offered; builtin compadd -O offered "$@"; print -rl -- $offered >> /run/completion/offered; builtin compadd "$@" }'
say 'LISTMAX=1000; echo rea""dy'
zpty -r shell seen '*ready*'
zpty -n -w shell "$1"$'\\t'
zpty -r -t shell seen
for try in {1..100}; do sleep 0.1; zpty -r -t shell seen; [[ -s /run/completion/offered ]] && { sleep 0.5; break }; done
zpty -d shell
`;

async function offerZsh(line: string): Promise<string[]> {
  const { guest } = lab.vpc;
  await guest.writeFile('/run/completion/offered', '');
  await guest.writeFile('/run/completion/try.zsh', zshScript);
  await guest.check(['bash', '-c', `${environment}; exec zsh -f /run/completion/try.zsh "$1"`, 'bash', line]);
  const output = await guest.check(['cat', '/run/completion/offered']);
  return output.split('\n').filter((word) => word !== '');
}

it.each([
  ['bash', offerBash],
  ['fish', offerFish],
  ['zsh', offerZsh],
] as const)(
  '%s offers subcommands, options, values, ENIs, links, addresses and files',
  async (_shell, offer) => {
    for (const [line, wanted, isAll] of cases) {
      // zsh offers names within the directory.
      const offered = [...new Set((await offer(line)).map((word) => word.replace(/^\/etc\/enid\//, '')))].sort();
      if (isAll) expect({ line, offered }).toEqual({ line, offered: [...wanted].sort() });
      else expect({ line, offered }).toEqual({ line, offered: expect.arrayContaining([...wanted]) });
    }
  },
  testMs,
);
