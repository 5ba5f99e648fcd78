/** `enid status --watch` on a terminal, and before a reader that goes. */

import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { program } from '../../fixtures/enid-process.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab('watch', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

/** Lines of a picture, without colours. */
function linesOf(picture: string): string[] {
  return stripVTControlCharacters(picture).replaceAll('\r', '').split('\n');
}

it.each([
  [80, 24],
  [200, 50],
])(
  'fits into %d columns and %d lines, shows a repair in bold, follows another size, and ends with q',
  async (columns, rows) => {
    const { guest } = lab.vpc;
    const command = `tty > /run/watch-tty; stty cols ${columns} rows ${rows}; exec ${process.execPath} ${program} status --watch`;
    const watcher = guest.spawn(
      ['env', 'TERM=xterm', 'NO_COLOR=', 'CI=true', 'script', '-qfec', command, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    let text = '';
    watcher.stdout?.on('data', (chunk) => {
      text += String(chunk);
    });
    const exited = new Promise((resolve) => watcher.once('exit', resolve));
    const pictures = () => text.split('\x1b[H\x1b[J').slice(1);
    const last = () => pictures().at(-1) ?? '';
    await until('the first picture', () => last().includes('q: quit') && last().includes('Last changes'));
    const [head = ''] = linesOf(last());
    expect(head).toMatch(/^enid status --watch +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}q: quit$/);
    expect(head).toHaveLength(columns);
    await guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    // An earlier repair may stand among the last changes already, and is not in bold.
    const row = () =>
      last()
        .split('\n')
        .find((line) => line.includes(' ens6 '));
    await until('the row in bold', () => row()?.includes('\x1b[1m') === true);
    expect(last()).toMatch(/Last changes\r?\n +\ds +ens6 +ip rule add pref 20001/);
    for (const picture of pictures()) {
      expect(linesOf(picture).length).toBeLessThanOrEqual(rows);
      expect(Math.max(...linesOf(picture).map(({ length }) => length))).toBeLessThanOrEqual(columns);
    }
    await guest.check(['bash', '-c', 'stty -F "$(cat /run/watch-tty)" cols 100 rows 30']);
    await until('the other size', () => linesOf(last())[0]?.length === 100);
    watcher.stdin?.write('q');
    expect(await exited).toBe(0);
  },
  testMs,
);

it(
  'ends when nobody reads it any more, without a change',
  async () => {
    const command = `"$@" | head -3; echo "ended \${PIPESTATUS[0]}"`;
    const words = [process.execPath, program, 'status', '--watch'];
    const output = await lab.vpc.guest.check(['bash', '-c', command, 'bash', ...words]);
    expect(output.split('\n')).toEqual([
      expect.stringMatching(/^ENI +LINK/),
      expect.stringMatching(/ ens5 /),
      expect.stringMatching(/ ens6 /),
      'ended 0',
      '',
    ]);
  },
  testMs,
);
