/** Whether the host takes the name that the metadata has for it. Pure. */

export interface HostNames {
  /** /etc/hostname; empty: none. */
  readonly configured: string;
  /** What the kernel has now. */
  readonly current: string;
  /**
   * What systemd calls a host without a name: the distribution's DEFAULT_HOSTNAME (os-release(5)),
   * `localhost` or `fedora`.
   */
  readonly fallback: string;
  /** The metadata's `local-hostname`; null: not listed. */
  readonly offered: string | null;
}

/** Names that initrds, distributions and the kernel give a host without a name. */
const unnamed = ['', 'localhost', 'localhost.localdomain', 'localhost6.localdomain6', 'linux', '(none)'];
/** HOST_NAME_MAX of Linux. */
const longest = 64;

/** The transient name to set; null: none is offered, or the host already has a name. */
export function chooseHostname({ configured, current, fallback, offered }: HostNames): string | null {
  if (configured !== '' || offered === null || !(current === fallback || unnamed.includes(current))) return null;
  // A VPC with several domain names lists them separated by spaces.
  const [name = ''] = offered.trim().split(/\s+/);
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) return null;
  return name.length <= longest ? name : (name.split('.')[0] ?? '').slice(0, longest);
}
