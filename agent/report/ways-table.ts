/**
 * `enid explain --all` as a table and as JSON. Has types of its own: a report imports no decision.
 */

import { countOf } from '../../lib/text/count.ts';
import type { EniReport, Way } from '../model.ts';

/** What `agent/decide/explain/ways.ts` returns. */
export interface WaysInput {
  readonly judged: readonly {
    readonly question: {
      readonly source: string;
      readonly sourceCount: number;
      readonly destination: string;
      readonly kind: string;
      readonly inputLink: string | null;
      readonly owner: EniReport;
    };
    readonly explanation: {
      readonly actual: Way | { readonly refused: string };
      readonly leavesBy: EniReport | null;
      readonly sourceCheck: { readonly verdict: string; readonly reason: string };
    };
    readonly isRight: boolean | null;
  }[];
  readonly missing: readonly { readonly address: string; readonly report: EniReport; readonly linkName: string }[];
  readonly sourceCount: number;
  readonly wayCount: number;
  readonly omittedCount: number;
  readonly warnings: readonly string[];
}

/**
 * As `enid explain --all --json` prints one: documented in docs/commands.md, keys are only ever
 * added.
 */
interface WayRow {
  readonly source: string;
  /** How many sources of the ENI meet the same rules, this one included. */
  readonly sources: number;
  readonly eni: string;
  readonly link: string | null;
  /** The link that a forwarded packet comes in by; null: sent by this host. */
  readonly inputLink: string | null;
  readonly to: string;
  readonly destination: string;
  /** Null if the kernel refuses. */
  readonly leavesBy: { readonly link: string | null; readonly eni: string | null } | null;
  readonly refused: string | null;
  readonly sourceCheck: { readonly verdict: string; readonly reason: string };
  /** Null: nothing is forwarded from this source here. */
  readonly right: boolean | null;
}

interface Ways {
  readonly ways: readonly WayRow[];
  readonly missing: readonly { readonly source: string; readonly eni: string; readonly link: string }[];
  readonly sources: number;
  readonly count: number;
  readonly omitted: number;
  readonly warnings: readonly string[];
  readonly right: boolean;
}

export function buildWays(input: WaysInput): Ways {
  const ways = input.judged.map(({ question, explanation, isRight }): WayRow => {
    const { actual, leavesBy, sourceCheck } = explanation;
    const refused = 'refused' in actual ? actual.refused : null;
    return {
      source: question.source,
      sources: question.sourceCount,
      eni: nameOf(question.owner),
      link: question.owner.linkName,
      inputLink: question.inputLink,
      to: question.kind,
      destination: question.destination,
      leavesBy:
        'refused' in actual ? null : { link: actual.linkName, eni: leavesBy === null ? null : nameOf(leavesBy) },
      refused,
      sourceCheck,
      right: isRight,
    };
  });
  return {
    ways,
    missing: input.missing.map(({ address, report, linkName }) => ({
      source: address,
      eni: nameOf(report),
      link: linkName,
    })),
    sources: input.sourceCount,
    count: input.wayCount,
    omitted: input.omittedCount,
    warnings: input.warnings,
    right: ways.length > 0 && input.missing.length === 0 && ways.every(({ right }) => right !== false),
  };
}

const titles = ['SOURCE', 'ENI', 'TO', 'DESTINATION', 'LEAVES BY', 'EC2', 'RIGHT'];

/** One line per way; the lines below the table are the counts, and say what to do. */
export function renderWays({ ways, missing, sources, count, omitted }: Ways): string {
  const cells = ways.map(toCells);
  const widths = titles.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const render = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const wrong = ways.filter(({ right }) => right === false).reduce((sum, row) => sum + row.sources, 0);
  const shared = ways.length === count ? '' : ' +N: N more sources of the ENI meet the same rules.';
  return [
    render(titles),
    ...cells.map(render),
    '',
    `${countOf(count, 'way')} from ${countOf(sources, 'source')}, ${wrong === 0 ? 'all' : `${count - wrong}`} right.${shared}`,
    ...missing.map(({ source, link }) => `${source} is missing on ${link}, see \`enid plan\`.`),
    ...(wrong === 0 ? [] : ['See `enid explain SOURCE DESTINATION` for the reason, and `enid doctor` for what to do.']),
    ...(omitted === 0 ? [] : [`${countOf(omitted, 'way')} to other subnets not checked.`]),
    '',
  ].join('\n');
}

function toCells(row: WayRow): string[] {
  const more = row.sources === 1 ? '' : ` +${row.sources - 1}`;
  const origin = row.inputLink === null ? '' : ` from ${row.inputLink}`;
  const { verdict, reason } = row.sourceCheck;
  const stays = reason === 'the packet stays on this host';
  return [
    `${row.source}${more}${origin}`,
    row.link ?? row.eni,
    row.to,
    row.destination,
    row.leavesBy === null ? 'no route' : stays ? 'this host' : (row.leavesBy.link ?? 'no link'),
    verdict === 'not asked' ? '-' : verdict,
    row.right === null ? '-' : row.right ? 'yes' : 'no',
  ];
}

function nameOf({ eni, mac }: EniReport): string {
  return eni?.eniId ?? mac;
}
