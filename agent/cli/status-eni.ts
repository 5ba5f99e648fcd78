/** `enid status ENI|LINK`: all about one ENI. */

import { familyOf } from '../../lib/ip/address.ts';
import { runCommand } from '../../lib/process/run-command.ts';
import { describeRoute, describeRule } from '../../lib/text/ip-words.ts';
import { paintText } from '../../lib/text/paint.ts';
import { formatPolicy } from '../config/format.ts';
import { type ConfigPlaces, readConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { identifyRoute, identifyRule } from '../decide/base/identity.ts';
import { type Resolved, resolveEnis } from '../decide/explain/resolve.ts';
import { findCandidates } from '../decide/inputs/match-links.ts';
import type { DesiredEni } from '../model.ts';
import { describeChange } from '../report/change-text.ts';
import { type AddressItem, type DesiredItem, type EniDetail, renderEni } from '../report/eni-text.ts';
import type { StatusRow } from '../report/status-row.ts';
import { readLinkDns } from '../sense/resolvers.ts';
import { readDirectory } from '../watch/unit-files.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import { renderJson } from './json.ts';
import { type CommandResult, type LookOptions, readStatus, renderWarnings, styles } from './status.ts';

export interface EniOptions extends LookOptions {
  readonly isColoured: boolean;
  readonly hasFullTimes: boolean;
  readonly places: ConfigPlaces;
}

/** Exit code 0 whatever its state; 1 where no ENI has this id, link or MAC. */
export async function showEni(config: Config, name: string, options: EniOptions): Promise<CommandResult> {
  const [{ answer, note }, inspection] = await Promise.all([
    readStatus(config, options.asksDaemon),
    inspectHost(config),
  ]);
  const row = answer.enis.find(({ eni, link, mac }) => [eni, link, mac].includes(name));
  const stderr = note + renderWarnings(answer);
  if (row === undefined) {
    const known = answer.enis.map(({ eni, link, mac }) => `${eni ?? mac}${link === null ? '' : ` (${link})`}`);
    const message = `enid: no ENI has the id, link or MAC ${name}; there is ${known.join(', ') || 'none'}\n`;
    return { stdout: '', stderr: stderr + message, exitCode: 1 };
  }
  const detail = await describeEni(row, { config, inspection, places: options.places });
  const look = { hasFullTimes: options.hasFullTimes, nowMs: Date.now() };
  const paint = (state: StatusRow['state'], text: string) =>
    options.isColoured ? paintText(styles[state], text) : text;
  const stdout = options.json ? renderJson(detail) : renderEni(detail, { paint, ...look });
  return { stdout, stderr, exitCode: 0 };
}

interface Host {
  readonly config: Config;
  readonly inspection: Inspection;
  readonly places: ConfigPlaces;
}

async function describeEni(row: StatusRow, { config, inspection, places }: Host): Promise<EniDetail> {
  const { kernel, changes } = inspection;
  const resolved = resolveEnis({ ...inspection, config }).find(({ report }) => report.mac === row.mac) ?? null;
  const desired = resolved?.desired ?? null;
  const link = kernel.links.find(({ name }) => name === row.link) ?? null;
  const driver = findCandidates(kernel, config.drivers).get(row.mac)?.[0]?.driver ?? null;
  const { unitDirectory } = config.networkd;
  return {
    ...row,
    driver,
    mtu: { actual: link?.mtu ?? null, desired: desired?.mtu ?? null },
    addressStates: listAddresses(row, inspection, desired),
    prefixStates: listPrefixes(row, inspection, desired),
    gateways: listGateways(inspection, desired),
    dns: link === null ? { servers: [], domains: [] } : readLinkDns(link.index),
    metric: desired?.metric ?? null,
    vrf: desired?.vrf ?? null,
    rules: listRules(inspection, desired),
    routes: listRoutes(inspection, desired),
    files: listFiles(config, desired),
    entry: describeEntry(resolved, config, places),
    policy: resolved?.policy == null ? null : formatPolicy(resolved.policy),
    pending: changes.filter(({ mac }) => mac === row.mac).map((change) => describeChange(change, unitDirectory)),
    journal: await readJournal(row),
  };
}

/** What EC2 assigned, as the link has it. */
function listAddresses(row: StatusRow, { kernel }: Inspection, desired: DesiredEni | null): AddressItem[] {
  return row.addresses.map((address) => {
    const present = kernel.addresses.find((one) => one.address === address);
    const link = kernel.links.find(({ index }) => index === present?.linkIndex)?.name;
    const isWanted =
      desired === null ||
      address === desired.lease?.address ||
      desired.addresses.some((one) => one.address === address);
    const notes = [
      ...(address === desired?.lease?.address ? ['lease'] : []),
      ...(link === undefined || link === row.link ? [] : [`on link ${link}`]),
      ...(isWanted ? [] : ['not put on the link']),
    ];
    const text = present === undefined ? address : `${address}/${present.prefixLength}`;
    return {
      ...{ text, isPresent: present !== undefined || !isWanted, note: notes.join(', ') || null },
      validLifetime: present?.validLifetime ?? null,
    };
  });
}

function listPrefixes(row: StatusRow, { kernel }: Inspection, desired: DesiredEni | null): DesiredItem[] {
  const have = new Set(kernel.rules.map(identifyRule));
  return row.prefixes.map((prefix) => {
    const rules = (desired?.rules ?? []).filter(({ source }) => source === prefix);
    const isLocal = (desired?.routes ?? []).some(({ destination, type }) => destination === prefix && type === 'local');
    const isPresent = rules.every((rule) => have.has(identifyRule(rule)));
    return { text: prefix, isPresent, note: isLocal ? 'answers on this host' : null };
  });
}

/** Of the default routes that are there. */
function listGateways({ kernel }: Inspection, desired: DesiredEni | null): string[] {
  if (desired === null) return [];
  const gateways = kernel.routes
    .filter(({ linkIndex, destination }) => linkIndex === desired.linkIndex && /^(0\.0\.0\.0|::)\/0$/.test(destination))
    .flatMap(({ gateway }) => gateway ?? []);
  return [...new Set(gateways)];
}

function listRules({ kernel }: Inspection, desired: DesiredEni | null): DesiredItem[] {
  const have = new Set(kernel.rules.map(identifyRule));
  return (desired?.rules ?? []).map((rule) => ({
    text: `${rule.family === 6 ? '-6 ' : ''}${describeRule(rule)}`,
    isPresent: have.has(identifyRule(rule)),
    note: null,
  }));
}

function listRoutes({ kernel }: Inspection, desired: DesiredEni | null): DesiredItem[] {
  const have = new Set(kernel.routes.map(identifyRoute));
  return (desired?.routes ?? [])
    .filter(({ isStandIn }) => isStandIn !== true)
    .map((route) => ({
      text: `${familyOf(route.destination) === 6 ? '-6 ' : ''}${describeRoute(route, desired?.linkName ?? '-')}`,
      isPresent: have.has(identifyRoute(route)),
      note: null,
    }));
}

function listFiles({ networkd }: Config, desired: DesiredEni | null): DesiredItem[] {
  const { own } = readDirectory(networkd);
  return (desired?.networkFiles ?? []).map(({ name, text }) => {
    const present = own.find((file) => file.name === name);
    const isOther = present !== undefined && present.text !== text;
    const note = isOther ? 'another text, brought up to date when no lease is lost by it' : null;
    return { text: `${networkd.unitDirectory}/${name}`, isPresent: present !== undefined, note };
  });
}

function describeEntry(resolved: Resolved | null, config: Config, places: ConfigPlaces): EniDetail['entry'] {
  const index = resolved?.entry ?? null;
  const entry = index === null ? undefined : config.interfaces[index];
  if (index === null || entry === undefined) return null;
  // What is in force may differ from the files: then there is no place to name.
  const reading = readConfig(places);
  const place = reading.config?.interfaces.length === config.interfaces.length ? reading.entries[index] : undefined;
  return {
    place: place === undefined ? `interfaces[${index}]` : `${place.file}:${place.line}: interfaces[${place.index}]`,
    match: entry.match,
    sets: formatPolicy(entry.policy),
  };
}

const journalLines = 10;
const journalMs = 5_000;

/** Null: there is no journalctl, or it may not be read. */
async function readJournal({ eni, mac }: StatusRow): Promise<string[] | null> {
  const form = ['-q', '-o', 'short-iso', '--no-pager', '--no-hostname', '-n', String(journalLines)];
  const argv = ['journalctl', ...form, '-t', 'enid', `ENI=${eni ?? mac}`];
  const { code, stdout } = await runCommand(argv, { timeoutMs: journalMs });
  if (code !== 0) return null;
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('-- '));
}
