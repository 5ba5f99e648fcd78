/**
 * What the user enid gains from a .link file in networkd's directory, as udev of systemd 257
 * reports it.
 */

import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { testMs } from '../lab/lab.ts';

const repository = join(import.meta.dirname, '../..');
const tree = process.env['ENID_MACHINE_TREE_257'] ?? '';
const evil =
  'LD_PRELOAD=/run/enid/evil.so SYSTEMD_WANTS=debug-shell.service ID_NET_LINK_FILE_DROPINS=no ID_NET_LINK_FILE=no';

/**
 * The properties and programs of a new link, in a separate system with udev. $1: the system, $2:
 * udev's packages, $3: the repository, $4: a file in /run/systemd/network, $5: its text.
 */
const script = `set -eu
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/root && cd /mnt
mount -t overlay -o lowerdir="$2:$1",upperdir=upper,workdir=work none root
mount -t proc none root/proc; mount -t sysfs none root/sys; mount -t tmpfs none root/run; mount --bind /dev root/dev
DESTDIR=/mnt/root sh "$3/units/install.sh"
ip link add enidtest0 type veth peer name enidtest1
mkdir -p root/run/udev "$(dirname "root/run/systemd/network/$4")"
printf '%s' "$5" > "root/run/systemd/network/$4"
chroot root udevadm test --action=add /sys/class/net/enidtest0 2>&1`;

async function comes(name: string, text: string): Promise<{ properties: string[]; programs: string[]; said: string }> {
  const udev = join(repository, '.cache/trixie-udev/tree');
  const said = await runChecked(
    ['unshare', '-m', '-n', '--propagation', 'private', 'sh', '-c', script, '-', tree, udev, repository, name, text],
    { timeoutMs: testMs },
  );
  return {
    said,
    properties: [...said.matchAll(/^ {2}([A-Z_]+)=/gm)].map(([, key = '']) => key),
    programs: [...said.matchAll(/^ {2}RUN\{program\} : (.*)$/gm)].map(([, program = '']) => program),
  };
}

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE_257 is not set: run `npm run test:service`');
  await runChecked(['bash', join(repository, 'fixtures/trixie.sh'), 'udev'], { timeoutMs: testMs });
}, testMs);

it('udev runs programs for a link without such a file', async () => {
  const { programs } = await comes('70-ens9.network', '');
  expect(programs.join()).toMatch(/systemd-sysctl/);
});

it.each([
  ['00-x.link', `[Match]\nOriginalName=enidtest*\n[Link]\nName=enidtest0\nProperty=${evil}\n`],
  ['99-default.link.d/x.conf', `[Link]\nProperty=${evil}\n`],
])('with one (%s) no program gets its environment, and no unit is started', async (name, text) => {
  const { programs, properties, said } = await comes(name, text);
  expect(said).toContain(name);
  // The file is in effect: without the rule the next two values would be those of the file.
  expect(properties).toContain('LD_PRELOAD');
  expect(programs).toEqual([]);
  expect(properties).not.toContain('SYSTEMD_WANTS');
});
