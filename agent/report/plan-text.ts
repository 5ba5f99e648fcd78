/** `enid plan` as text and as JSON. Pure. */

import { escapeLine } from '../../lib/text/printable.ts';
import type { Change } from '../model.ts';
import { describeChange } from './change-text.ts';

export type PlanAction = 'add' | 'change' | 'remove';

/** One change as `enid plan --json` prints it: keys are only ever added. */
export interface PlanLine {
  readonly kind: string;
  readonly action: PlanAction;
  /** Null: not known. */
  readonly eni: string | null;
  readonly mac: string;
  readonly link: string;
  /** As a root shell takes it; `write PATH` for a file. */
  readonly command: string;
  readonly reason: string;
}

/** `directory`: of networkd's files. */
export function buildPlanLine(
  change: Change,
  { directory, eni }: { readonly directory: string; readonly eni: string | null },
): PlanLine {
  const { kind, mac, linkName, reason } = change;
  return {
    ...{ kind, action: findAction(change), eni, mac, link: linkName },
    ...{ command: describeChange(change, directory), reason },
  };
}

function findAction({ kind, reason }: Change): PlanAction {
  if (kind.startsWith('remove-')) return 'remove';
  return kind.startsWith('add-') || (kind === 'write-file' && reason === 'missing') ? 'add' : 'change';
}

export interface PlanText {
  readonly changes: readonly PlanLine[];
  /** `ens6: why`. */
  readonly conflicts: readonly string[];
  /** ENIs that are not configured, with the reason. */
  readonly unready?: readonly string[];
}

export interface PlanLook {
  /** With the reason of each change. */
  readonly isDetailed?: boolean;
  readonly paint?: (action: PlanAction, text: string) => string;
}

const marks = { add: '+', change: '~', remove: '-' } as const;

/**
 * What would be changed, by ENI; within one in the order in which it would be made. The last line
 * is the count.
 */
export function renderPlan(
  { changes, conflicts, unready = [] }: PlanText,
  { isDetailed = false, paint = (_action, text) => text }: PlanLook = {},
): string {
  const names = new Map(changes.map((line) => [line.mac, nameEni(line)]));
  const lines = [...names].flatMap(([mac, name]) => [
    name,
    ...changes
      .filter((line) => line.mac === mac)
      .map(({ action, command, reason }) => {
        const text = escapeLine(`${marks[action]} ${command}`);
        return `  ${paint(action, text)}${isDetailed ? `  # ${escapeLine(reason)}` : ''}`;
      }),
  ]);
  if (changes.length > 0) lines.push('');
  for (const conflict of conflicts) lines.push(`conflict: ${escapeLine(conflict)}`);
  for (const one of unready) lines.push(`not planned yet: ${escapeLine(one)}`);
  lines.push(changes.length === 0 ? concludeEmpty(conflicts.length + unready.length) : countActions(changes));
  return `${lines.join('\n')}\n`;
}

function nameEni({ kind, link, eni, mac }: PlanLine): string {
  if (kind.endsWith('-replies')) return 'the host';
  return escapeLine(`${link || 'a link that is gone'} (${eni ?? mac})`);
}

function concludeEmpty(obstacles: number): string {
  return obstacles === 0 ? 'Converged: nothing to change.' : 'Nothing to change now, but not converged: see above.';
}

function countActions(changes: readonly PlanLine[]): string {
  const count = (action: PlanAction) => changes.filter((line) => line.action === action).length;
  return `${count('add')} to add, ${count('change')} to change, ${count('remove')} to remove.`;
}
