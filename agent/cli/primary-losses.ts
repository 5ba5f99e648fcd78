/**
 * What a configuration would take from the primary ENI: by which an operator is most likely logged
 * in.
 */

import type { Config } from '../config/types.ts';
import type { Change, Desired } from '../model.ts';
import { describeChange } from '../report/change-text.ts';
import { inspectHost } from './inspect.ts';

/** As commands that take it. Throws a KernelError if the kernel cannot be read. */
export async function findPrimaryLosses(config: Config): Promise<string[]> {
  const { changes, desired } = await inspectHost(config);
  return listPrimaryLosses(changes, desired);
}

/** Pure: of all changes those that take something from the primary. */
export function listPrimaryLosses(
  changes: readonly Change[],
  desired: {
    readonly reports: Desired['reports'];
    readonly enis: readonly Pick<Desired['enis'][number], 'mac' | 'rules'>[];
  },
): string[] {
  const mac = desired.reports.find(({ isPrimary }) => isPrimary)?.mac;
  const rules = desired.enis.find((eni) => eni.mac === mac)?.rules ?? [];
  const isLoss = (change: Change): boolean => {
    switch (change.kind) {
      case 'remove-address':
      case 'remove-file':
      case 'set-master':
        return true;
      case 'remove-rule':
        // Another form of the same rules leads the same packets.
        return !rules.some(({ family }) => family === change.rule.family);
      default:
        return false;
    }
  };
  return changes.filter((change) => change.mac === mac && isLoss(change)).map((change) => describeChange(change));
}

/** Lines for stderr. */
export function describeLosses(losses: readonly string[]): string[] {
  if (losses.length === 0) return [];
  return [
    'warning: a reload takes this from the primary ENI, by which you may be logged in:',
    ...losses.map((loss) => `  ${loss}`),
  ];
}
