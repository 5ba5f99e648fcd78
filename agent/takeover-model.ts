/** The readonly types of `enid takeover`: what is found on the host, and what is to be done. Plain data only. */

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

/** A lease of the one before, as networkd would have it, and the routes that go when it is made anew. */
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
  /** Physical links that are none: whoever configures them must stay. */
  readonly otherLinks: readonly string[];
  /** Drivers of ENIs, as configured. */
  readonly drivers: readonly string[];
  /** By name; what is not installed is left out. */
  readonly units: Readonly<Record<string, UnitState>>;
  /** /etc/network/interfaces and what it draws in. */
  readonly interfacesFiles: readonly TextFile[];
  /** `document` as the YAML says; null where it cannot be read. */
  readonly netplanFiles: readonly { readonly path: string; readonly document: unknown }[];
  /** .network files that netplan or cloud-init wrote. */
  readonly generatedFiles: readonly string[];
  /** dhclient and dhcpcd, whoever started them; `words` of their command lines. */
  readonly clients: readonly { readonly name: string; readonly processId: number; readonly words: readonly string[] }[];
  readonly hasCloudInit: boolean;
  /** What NetworkManager remembers of ENIs. */
  readonly networkManagerDevices: readonly NetworkManagerDevice[];
  /** NetworkManager was told by a takeover to leave the ENIs alone. */
  readonly isNetworkManagerTold: boolean;
  readonly heldAddresses: readonly HeldAddress[];
  /** `volatile`: a link to a file in /run that another program than systemd-resolved writes. */
  readonly resolvConf: 'resolved' | 'volatile' | 'other' | 'absent';
  /** ENIs with an address, for which networkd has no file. */
  readonly unclaimedLinks: readonly string[];
  /** /etc/systemd/network/80-ec2.network is a link to /dev/null, as the installation leaves it beside another manager. */
  readonly isFallbackMasked: boolean;
  /** The files that this program wants for the ENIs. */
  readonly networkFiles: readonly TextFile[];
  /** Why others get none; empty, too, where the metadata service has never answered. */
  readonly unconfigured: readonly string[];
  /** A takeover was made and not undone. */
  readonly isTaken: boolean;
}

/** What was there before a file step is kept, and comes back with `--undo`. */
export type FileStep =
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly text: string; readonly owner: 'root' | 'enid' }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** What takes a step back, commands in their order, each without a shell; none: nothing is to be done for it. */
interface UndoneByCommands {
  readonly undo: readonly (readonly string[])[];
}

/** A command without a shell. */
export interface CommandStep extends UndoneByCommands {
  readonly kind: 'command';
  readonly argv: readonly string[];
  /** `undo` comes before the files: it ends who would write them again. */
  readonly isUndoneFirst: boolean;
}

/** Ends processes by SIGKILL; one that is gone already is no error. */
export interface KillStep extends UndoneByCommands {
  readonly kind: 'kill';
  readonly processIds: readonly number[];
}

/** Makes an address anew; nothing is to be done for its undo. */
export interface AddressStep extends HeldAddress {
  readonly kind: 'renew-address';
}

export type TakeoverStep = FileStep | CommandStep | KillStep | AddressStep;

export interface TakeoverPlan {
  /** Who configures the ENIs now, in their own names. */
  readonly managers: readonly string[];
  readonly steps: readonly TakeoverStep[];
  /** Why it must not be done without a person's decision. */
  readonly obstacles: readonly string[];
  /** What a person should know; keeps nothing back. */
  readonly notes: readonly string[];
}
