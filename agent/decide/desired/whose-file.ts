/** Which files of the unit directory configure a link or a VRF, and who owns them. Pure. */

import type { Config } from '../../config/types.ts';
import type { Link } from '../../model.ts';
import { nameNetworkFile, nameSourcesFile, nameVrfFiles, readVrf } from './network-file.ts';
import type { OwnNetworkFile } from './override.ts';
import type { OwnFile } from './unit-directory.ts';
import { findVrf } from './vrf.ts';

/** The files in the unit directory whose names begin with our prefix. */
interface Files {
  readonly config: Pick<Config, 'networkd'>;
  readonly ownFiles: readonly OwnFile[];
  readonly foreignFiles: readonly string[];
}

export function findOwnFile({ config, ownFiles, foreignFiles }: Files, link: Link): OwnNetworkFile {
  const { unitDirectory, prefix } = config.networkd;
  const name = nameNetworkFile(prefix, link.name);
  const own = ownFiles.find((one) => one.name === name);
  const rival = foreignFiles.find((one) => one === name || one === nameSourcesFile(prefix, link.name));
  const rivalPath = rival === undefined ? null : `${unitDirectory}/${rival}`;
  const isFormer = (path: string) => {
    const other = path.slice(unitDirectory.length + 1);
    // Including one that no longer exists: networkd remembers it until it reads its files again,
    // and uses it for new links.
    return (
      path.startsWith(`${unitDirectory}/${prefix}-`) && other.endsWith('.network') && !foreignFiles.includes(other)
    );
  };
  const vrf = own === undefined ? null : readVrf(own.text);
  return { path: `${unitDirectory}/${name}`, exists: own !== undefined, rivalPath, isFormer, vrf };
}

/**
 * An existing VRF without a file of ours is the operator's, and so is one that another program's
 * file declares.
 */
export function isVrfOurs({ config, ownFiles, foreignFiles }: Files, vrf: string, links: readonly Link[]): boolean {
  const names = Object.values(nameVrfFiles(config.networkd.prefix, vrf));
  if (foreignFiles.some((name) => names.includes(name))) return false;
  return findVrf(vrf, links) === undefined || ownFiles.some(({ name }) => names.includes(name));
}
