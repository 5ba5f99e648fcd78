/** Steps at the table that marks replies, as nft(8) takes them. Pure. */

import { type ReplyRule, type ReplyStep, replyNames } from '../model.ts';

/** More are counted: a host may have thousands of addresses. */
const mostElements = 64;

/** One command of nft(8), without the word `nft`. */
export function describeReplyStep(step: ReplyStep): string {
  const table = `inet ${replyNames.table}`;
  switch (step.kind) {
    case 'add-table':
      return `add table ${table}`;
    case 'delete-table':
      return `delete table ${table}`;
    case 'add-chain': {
      const { chain, hook } = step;
      const base =
        hook === null ? '' : ` { type filter hook ${nameHook(hook.number)} priority ${hook.priority}; policy accept; }`;
      return `add chain ${table} ${chain}${base}`;
    }
    case 'delete-chain':
      return `delete chain ${table} ${step.chain}`;
    case 'add-rule':
      return `add rule ${table} ${step.chain} ${describeRule(step.rule)} comment "${step.comment}"`;
    case 'delete-rule':
      return `delete rule ${table} ${step.chain} handle ${step.handle}`;
    case 'add-map':
      return `add map ${table} ${step.map} { type ipv${step.family}_addr : verdict; flags interval; }`;
    case 'add-elements':
      return `add element ${table} ${step.map} ${listElements(step.elements, ([cidr, chain]) => `${cidr} : goto ${chain}`)}`;
    case 'delete-elements':
      return `delete element ${table} ${step.map} ${listElements(step.elements, ([cidr]) => cidr)}`;
  }
}

/** Base chains of this table have one hook. */
function nameHook(number: number): string {
  return number === 0 ? 'prerouting' : `${number}`;
}

function describeRule(rule: ReplyRule): string {
  switch (rule.kind) {
    case 'leave-original':
      return 'ct direction original accept';
    case 'leave-untranslated':
      return 'ct status & dnat == 0 accept';
    case 'look-up':
      return `ct original ${rule.family === 4 ? 'ip' : 'ip6'} daddr vmap @${replyNames.maps[rule.family]}`;
    case 'mark':
      return `meta mark set meta mark & ${hex(~rule.mask)} | ${hex(rule.mark)}`;
  }
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}

function listElements(
  elements: ReadonlyMap<string, string>,
  describe: (element: readonly [string, string]) => string,
): string {
  const all = [...elements];
  const shown = all.slice(0, mostElements).map(describe);
  const rest = all.length - shown.length;
  return `{ ${shown.join(', ')}${rest === 0 ? '' : `, … ${rest} more`} }`;
}
