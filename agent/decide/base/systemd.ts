/** Which systemd enid works with. Pure. */

/**
 * The oldest that it was run with. What older ones lack: SuppressInterfaceGroup= of rules (250), so
 * that networkd would make a rule by which main's routes by another ENI win;
 * ManageForeignRoutingPolicyRules= (249), so that it would delete every rule of others.
 */
export const oldestSystemd = 252;

/** Null where it is new enough, or not known. */
export function describeTooOld(version: number | null): string | null {
  if (version === null || version >= oldestSystemd) return null;
  return `systemd ${version} is too old: expected ${oldestSystemd} or later`;
}
