/** `enid explain` as text and as JSON. Has types of its own: a report imports no decision. */

import { describeRoute, describeRule } from '../../lib/text/ip-words.ts';
import type { EniReport, EniState, Way } from '../model.ts';

/** What `agent/decide/explain/explain.ts` returns. */
export interface ExplanationInput {
  readonly packet: { readonly source: string; readonly destination: string; readonly inputLink: string | null };
  readonly replyMark?: number | null;
  readonly owner: { readonly role: string; readonly report: EniReport } | null;
  readonly missing: { readonly linkName: string; readonly holder: string | null } | null;
  readonly actual: Way | { readonly refused: string };
  readonly leavesBy: EniReport | null;
  readonly wanted: Way | null;
  readonly notHandled: string | null;
  readonly sourceCheck: { readonly verdict: string; readonly reason: string };
  readonly isRight: boolean;
}

interface BuiltWay {
  readonly rule: string | null;
  readonly route: string | null;
  readonly table: number;
  readonly link: string | null;
  readonly gateway: string | null;
}

/** As `enid explain --json` prints it: documented in docs/commands.md, keys are only ever added. */
export interface Explanation {
  readonly source: string;
  readonly destination: string;
  readonly inputLink: string | null;
  /** Of `--reply`: the mark of the packet, `0x1002`; null: it has none. No key: not asked. */
  readonly reply?: { readonly mark: string | null };
  readonly owner: {
    readonly role: string;
    readonly eni: string;
    readonly link: string | null;
    /** `device.card`; null: not known. */
    readonly device: string | null;
    readonly state: string;
    /** Public addresses that the source carries. */
    readonly public: readonly string[];
  } | null;
  /** The source should be on this link and is not; `reason`: what the ENI waits for. */
  readonly missing: { readonly link: string; readonly holder: string | null; readonly reason: string | null } | null;
  readonly kernel: (BuiltWay & { readonly eni: string | null }) | { readonly refused: string };
  readonly wanted: BuiltWay | null;
  readonly notHandled: string | null;
  readonly sourceCheck: { readonly verdict: string; readonly reason: string };
  readonly right: boolean;
}

export function buildExplanation(input: ExplanationInput): Explanation {
  const { packet, replyMark, owner, missing, actual, leavesBy, wanted, notHandled, sourceCheck, isRight } = input;
  const way = (one: Way): BuiltWay => ({
    rule: one.rule === null ? null : describeRule(one.rule),
    route: nameRoute(one),
    table: one.table,
    link: one.linkName,
    gateway: one.gateway,
  });
  return {
    source: packet.source,
    destination: packet.destination,
    inputLink: packet.inputLink,
    ...(replyMark === undefined ? {} : { reply: { mark: replyMark === null ? null : `0x${replyMark.toString(16)}` } }),
    owner: owner === null ? null : { role: owner.role, ...buildOwner(owner.report, packet.source) },
    missing: missing === null ? null : buildMissing(missing, owner?.report.state),
    kernel: 'refused' in actual ? { refused: actual.refused } : { ...way(actual), eni: leavesBy && nameOf(leavesBy) },
    wanted: wanted === null ? null : way(wanted),
    notHandled,
    sourceCheck,
    right: isRight,
  };
}

function nameRoute({ route, linkName, isCached }: Way): string | null {
  if (route === null) return null;
  const text = describeRoute(route, linkName ?? '?');
  return isCached === true ? `${text} (an entry that the kernel cached for its path MTU)` : text;
}

function buildMissing(missing: NonNullable<ExplanationInput['missing']>, state: EniState | undefined) {
  const reason = state?.kind === 'waiting' ? state.reason : null;
  return { link: missing.linkName, holder: missing.holder, reason };
}

function buildOwner(report: EniReport, source: string) {
  const { eni, linkName, state } = report;
  const carried = Object.entries(eni?.publicIpv4 ?? {}).filter(([, carriers]) => carriers.includes(source));
  const device = eni === null ? null : `${eni.deviceNumber}.${eni.networkCard}`;
  return {
    eni: nameOf(report),
    link: linkName,
    device,
    state: state.kind,
    public: carried.map(([address]) => address),
  };
}

export function renderExplanation(explanation: Explanation): string {
  const { source, destination, inputLink, reply, owner, missing, sourceCheck } = explanation;
  const sent = missing === null ? 'sent by this host' : `missing on ${missing.link}`;
  const marked = reply?.mark === null ? 'not marked' : `mark ${reply?.mark}`;
  const forwarded = inputLink === null ? sent : `forwarded, received on ${inputLink}`;
  const origin = reply === undefined ? forwarded : `reply of a published port, ${marked}`;
  const rows: [string, string][] = [
    ['', `${source} → ${destination}  (${origin})`],
    [
      'source',
      owner === null ? 'not assigned to any ENI of this instance' : `${owner.role} of ${describeOwner(owner)}`,
    ],
    ...describePublic(owner),
    ...describeActual(explanation.kernel),
    ...describeWanted(explanation),
    ['EC2', describeCheck(sourceCheck)],
    ['', concludeExplanation(explanation)],
  ];
  if (owner === null) rows[rows.length - 1] = ['', 'RESULT: not managed by enid.'];
  return rows.map(([title, text]) => `${title === '' ? '' : `  ${title.padEnd(8)}`}${text}\n`).join('');
}

function concludeExplanation({ source, missing, right }: Explanation): string {
  if (right) return 'RESULT: right way.';
  if (missing === null) return 'RESULT: wrong way, see `enid plan` and `enid doctor`.';
  const { link, holder, reason } = missing;
  const place = holder === null ? link : `${link} (link ${holder} has it)`;
  return `RESULT: ${source} is missing on ${place}${reason === null ? ', see `enid plan`' : `: ${reason}`}.`;
}

function describePublic(owner: Explanation['owner']): [string, string][] {
  if (owner === null || owner.public.length === 0) return [];
  return [['', `          carries the public address ${owner.public.join(', ')}`]];
}

function describeActual(kernel: Explanation['kernel']): [string, string][] {
  if ('refused' in kernel) return [['kernel', `no route: ${kernel.refused}`]];
  const { rule, route, table, link, eni } = kernel;
  return [
    ['kernel', `rule ${rule ?? '(one that enid cannot read)'}`],
    ['', `          route ${route ?? `table ${nameTable(table)}`}`],
    ['', `          by ${link ?? 'no link'} (${table === 255 ? 'this host' : (eni ?? 'no ENI')})`],
  ];
}

function describeWanted({ wanted, notHandled, kernel }: Explanation): [string, string][] {
  if (wanted === null) return [['enid', `does not manage this source: ${notHandled}`]];
  const via = wanted.gateway === null ? '' : ` via ${wanted.gateway}`;
  const text = `wants ${wanted.link ?? 'a way that is not known yet'}${via}, table ${nameTable(wanted.table)}`;
  const isSame = !('refused' in kernel) && kernel.link === wanted.link && kernel.gateway === wanted.gateway;
  return [['enid', `${text}${isSame ? ', the same as the kernel' : ''}`]];
}

function describeCheck({ verdict, reason }: Explanation['sourceCheck']): string {
  if (verdict === 'not asked') return `does not check it: ${reason}`;
  return `${verdict === 'passes' ? 'lets it pass' : 'drops it'}: ${reason}`;
}

function describeOwner({ eni, link, device, state }: NonNullable<Explanation['owner']>): string {
  return `${eni} (${link ?? 'no link'}${device === null ? '' : `, device ${device}`}, ${state})`;
}

function nameOf(report: EniReport): string {
  return report.eni?.eniId ?? report.mac;
}

function nameTable(table: number): string {
  return table === 254 ? 'main' : table === 255 ? 'local' : String(table);
}
