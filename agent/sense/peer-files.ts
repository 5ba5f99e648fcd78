/**
 * Files of amazon-ec2-net-utils among networkd's: setup-policy-routes 2.4 to 2.7 creates for each
 * ENI a symbolic link to the package's 80-ec2.network, with the name of this program's own file or,
 * in Debian's and Ubuntu's build, one before netplan's, and drop-ins beside it.
 */

import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { list, tryRead } from '../../lib/file/try-read.ts';

const unitDirectory = '/run/systemd/network';
/** debian/patches/update-networkd-priorities.patch has 07. */
const networkFile = /^(07|70)-.+\.network$/;
const target = '80-ec2.network';
const dropIns = /^(eni|ec2net_alias|ec2net_policy_[46])\.conf$/;

/**
 * Each symbolic link with its drop-ins, and drop-ins beside a .network file of another program:
 * networkd applies them to that file.
 */
export function listPeerFiles(directory = unitDirectory): string[] {
  const names = list(directory).map((name) => name.replace(/\.d$/, ''));
  const networkFiles = [...new Set(names)].filter((name) => networkFile.test(name)).sort();
  return networkFiles.flatMap((name) => {
    const path = join(directory, name);
    const isLink = tryRead(() => readlinkSync(path))?.endsWith(`/${target}`) === true;
    const beside = list(`${path}.d`).filter((file) => dropIns.test(file));
    return [...(isLink ? [path] : []), ...beside.sort().map((file) => join(`${path}.d`, file))];
  });
}
