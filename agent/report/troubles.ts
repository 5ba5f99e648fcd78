/** What prevents the desired configuration, as lines for the log. Pure. */

import type { EniReport } from '../model.ts';

export interface Trouble {
  readonly mac: string;
  readonly reason: string;
}

/**
 * One line for each reason, with the ENIs it applies to: a trouble of the host is logged once, not
 * once for each ENI.
 */
export function listTroubles(reports: readonly EniReport[], conflicts: readonly Trouble[]): string[] {
  const degraded = reports.flatMap(({ mac, state }) =>
    state.kind === 'degraded' ? [{ mac, reason: state.reason }] : [],
  );
  const macsByReason = new Map<string, string[]>();
  for (const { mac, reason } of [...conflicts, ...degraded]) {
    macsByReason.set(reason, [...(macsByReason.get(reason) ?? []), mac]);
  }
  const name = (mac: string) => {
    const report = reports.find((one) => one.mac === mac);
    return report?.linkName ?? report?.eni?.eniId ?? (mac || 'the host');
  };
  return [...macsByReason].map(([reason, macs]) => `${[...new Set(macs.map(name))].join(', ')}: ${reason}`);
}
