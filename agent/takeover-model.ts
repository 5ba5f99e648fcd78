/**
 * The readonly types of `enid takeover`: what is found on the host, and what is to be done. Plain
 * data only.
 */

import type { Address, Route } from '../lib/rtnetlink/types.ts';

export interface UnitState {
  readonly isActive: boolean;
  /** By the administrator or, as netplan does it, for this boot. */
  readonly isEnabled: boolean;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface NetworkManagerDevice {
  readonly link: string;
  /** Below /run/NetworkManager/devices. */
  readonly path: string;
  /** UUID of the connection that is active; null: none. */
  readonly connection: string | null;
}

/**
 * A lease of the previous manager, as networkd would add it, and the routes that disappear when it
 * is added again.
 */
export interface HeldAddress {
  readonly address: Address;
  readonly routes: readonly Route[];
}

export interface TakeoverFacts {
  readonly isRoot: boolean;
  /** systemd is process 1 of this host. */
  readonly hasSystemd: boolean;
  /** The major one; null: it does not say. */
  readonly systemdVersion: number | null;
  /** Links that are ENIs, by name. */
  readonly eniLinks: readonly string[];
  /** Physical links that are no ENI: the program that configures them must stay. */
  readonly otherLinks: readonly string[];
  /** Drivers of ENIs, as configured. */
  readonly drivers: readonly string[];
  /** By name; what is not installed is left out. */
  readonly units: Readonly<Record<string, UnitState>>;
  /** /etc/network/interfaces and the files that it includes. */
  readonly interfacesFiles: readonly TextFile[];
  /** `document`: the parsed YAML; null if it cannot be read. */
  readonly netplanFiles: readonly { readonly path: string; readonly document: unknown }[];
  /** .network files that netplan or cloud-init wrote. */
  readonly generatedFiles: readonly string[];
  /** Running dhclient and dhcpcd; `words`: their command lines. */
  readonly clients: readonly { readonly name: string; readonly processId: number; readonly words: readonly string[] }[];
  readonly hasCloudInit: boolean;
  /** What NetworkManager remembers of ENIs. */
  readonly networkManagerDevices: readonly NetworkManagerDevice[];
  /** A takeover has configured NetworkManager to ignore the ENIs. */
  readonly isNetworkManagerTold: boolean;
  readonly heldAddresses: readonly HeldAddress[];
  /** `volatile`: a link to a file in /run that another program than systemd-resolved writes. */
  readonly resolvConf: 'resolved' | 'volatile' | 'other' | 'absent';
  /** ENIs with an address, for which networkd has no file. */
  readonly unclaimedLinks: readonly string[];
  /**
   * /etc/systemd/network/80-ec2.network is a link to /dev/null, as the installation leaves it
   * beside another manager.
   */
  readonly isFallbackMasked: boolean;
  /** The files that this program wants for the ENIs. */
  readonly networkFiles: readonly TextFile[];
  /** Why the other ENIs get none; also empty if the metadata service has never answered. */
  readonly unconfigured: readonly string[];
  /** A takeover was made and not undone. */
  readonly isTaken: boolean;
}

/** The previous file is kept, and restored by `--undo`. */
export type FileStep =
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly text: string; readonly owner: 'root' | 'enid' }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** The commands that undo a step, in order, each without a shell; none: nothing to undo. */
interface UndoneByCommands {
  readonly undo: readonly (readonly string[])[];
}

/** A command without a shell. */
export interface CommandStep extends UndoneByCommands {
  readonly kind: 'command';
  readonly argv: readonly string[];
  /** `undo` runs before the files are restored: it stops programs that would write them again. */
  readonly isUndoneFirst: boolean;
}

/** Ends processes by SIGKILL; one that is gone already is no error. */
export interface KillStep extends UndoneByCommands {
  readonly kind: 'kill';
  readonly processIds: readonly number[];
}

/** Removes and adds an address again; nothing to undo. */
export interface AddressStep extends HeldAddress {
  readonly kind: 'renew-address';
}

export type TakeoverStep = FileStep | CommandStep | KillStep | AddressStep;

export interface TakeoverPlan {
  /** The programs that configure the ENIs now. */
  readonly managers: readonly string[];
  readonly steps: readonly TakeoverStep[];
  /** Why a person has to decide first. */
  readonly obstacles: readonly string[];
  /** What a person should know; does not block the takeover. */
  readonly notes: readonly string[];
}
