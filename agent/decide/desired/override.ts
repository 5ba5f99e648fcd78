/**
 * When the operator's or another program's configuration takes precedence over this program's
 * (DESIGN, decision 6).
 */

import type { InterfacePolicy } from '../../config/types.ts';
import type { EniState, Link, NetworkdState } from '../../model.ts';
import { describeTooOld } from '../base/systemd.ts';

/**
 * Files that a removal of the package leaves (units/package/maintain.sh); the next installation
 * takes over from them.
 */
const leftByRemoval = ['79-ec2-primary', '81-ec2-all'].map((name) => `/etc/systemd/network/${name}.network`);

export interface Override {
  readonly state: EniState;
  /** True if it is not known who decides: the present objects are kept. */
  readonly isUnknown: boolean;
}

/** This program's .network file for a link: its path, and whether it is there. */
export interface OwnNetworkFile {
  readonly path: string;
  readonly exists: boolean;
  /** Another program's file under the name of one of ours; null: none. */
  readonly rivalPath: string | null;
  /** Whether a file is this program's under a former name, or was and no longer exists. */
  readonly isFormer: (path: string) => boolean;
  /** The VRF that this program's file puts the link into; null: none. */
  readonly vrf: string | null;
}

interface Claims {
  readonly link: Link;
  /** Of the host. */
  readonly links: readonly Link[];
  readonly networkd: NetworkdState;
  readonly ownFile: OwnNetworkFile;
  readonly policy: InterfacePolicy;
}

/** Null if this program decides. */
export function findOverride({ link, links, networkd, ownFile, policy }: Claims): Override | null {
  if (policy.manage === 'none') {
    return { state: { kind: 'ignored', reason: 'manage: none in the configuration' }, isUnknown: false };
  }
  if (link.masterIndex !== null) {
    const master = links.find(({ index }) => index === link.masterIndex);
    const isOurs = master?.kind === 'vrf' && [policy.vrf, ownFile.vrf].includes(master.name);
    const name = master === undefined ? `link ${link.masterIndex}` : `${master.kind ?? 'link'} ${master.name}`;
    if (!isOurs) return { state: { kind: 'overridden', reason: `enslaved to ${name}` }, isUnknown: false };
  }
  if (policy.manage !== 'full') return null;
  const tooOld = describeTooOld(networkd.version);
  if (tooOld !== null) {
    const reason = `${tooOld}. Nothing is changed; \`manage: rules\` needs no networkd`;
    return { state: { kind: 'degraded', reason }, isUnknown: true };
  }
  if (ownFile.rivalPath !== null) {
    const reason = `${ownFile.rivalPath} was put there by another program: remove it to have enid configure the link (\`enid takeover\` does, if it is of amazon-ec2-net-utils)`;
    return { state: { kind: 'degraded', reason }, isUnknown: true };
  }
  const known = networkd.links.find(({ linkIndex }) => linkIndex === link.index);
  if (networkd.kind !== 'present' && known === undefined) {
    if (ownFile.exists) return null;
    const reason =
      networkd.kind === 'absent' ? 'systemd-networkd is not running. Start it' : 'the system bus has not answered yet';
    return { state: { kind: 'waiting', reason }, isUnknown: true };
  }
  if (known === undefined || known.setupState === 'pending' || known.setupState === 'initialized') {
    const reason = 'systemd-networkd has not taken up the link yet';
    return { state: { kind: 'waiting', reason }, isUnknown: true };
  }
  if (known.networkFile === null || known.networkFile === ownFile.path) return null;
  // The link was renamed, or unplugged and plugged in elsewhere: networkd keeps the file of the old
  // name until it reads its files again.
  if (ownFile.isFormer(known.networkFile)) return null;
  const isClaim = known.networkFile.startsWith('/etc/systemd/network/') && !leftByRemoval.includes(known.networkFile);
  if (isClaim || sortsBefore(known.networkFile, ownFile.path)) {
    const owner = isOfPeer(known.networkFile) ? ' (amazon-ec2-net-utils has written it: `enid takeover`)' : '';
    return { state: { kind: 'overridden', reason: `${known.networkFile} claims the link${owner}` }, isUnknown: false };
  }
  return null;
}

/**
 * By the name that Debian's build gives it, so that it sorts before netplan's
 * (update-networkd-priorities.patch).
 */
function isOfPeer(path: string): boolean {
  return path.startsWith('/run/systemd/network/07-');
}

/**
 * systemd.network(5): files are taken in the order of their names, whatever the directory; the
 * first match wins.
 */
function sortsBefore(path: string, other: string): boolean {
  return baseName(path) < baseName(other);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
