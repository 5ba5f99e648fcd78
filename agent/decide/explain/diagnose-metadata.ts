/**
 * The checks of `enid doctor` about the metadata service, and about what keeps the primary from
 * reaching it. Pure.
 */

import type { HostFacts, KernelState, Link, NetworkdState, Snapshot } from '../../model.ts';
import { type Finding, find, orFine } from './finding.ts';

export interface MetadataPatient {
  readonly facts: HostFacts;
  readonly networkd: NetworkdState;
  readonly kernel: KernelState;
  readonly desired: { readonly reports: readonly { readonly linkIndex: number | null; readonly isPrimary: boolean }[] };
  readonly warnings: readonly string[];
  /** Null: never read. */
  readonly snapshot: Snapshot | null;
}

/** An `aws ec2` command that can be pasted: with the id of the instance if that is known. */
function adviseOptions({ facts, snapshot }: MetadataPatient, options: string): string {
  const instanceId = snapshot?.instanceId ?? facts.instanceId ?? '<instance id>';
  return `aws ec2 modify-instance-metadata-options --instance-id ${instanceId} ${options}`;
}

/** The primary's link; without metadata it is not known, and they are all that can be an ENI. */
function listAsked({ kernel, desired }: MetadataPatient): Link[] {
  const known = desired.reports.filter(({ isPrimary }) => isPrimary);
  const asked = known.length > 0 ? known : desired.reports;
  return asked.flatMap(({ linkIndex }) => kernel.links.filter(({ index }) => index === linkIndex));
}

/**
 * Links that can be an ENI and for which networkd has no file: they never get a lease, and without
 * one nothing is known.
 */
function listUnclaimed(patient: MetadataPatient): Link[] {
  const { networkd, kernel } = patient;
  if (networkd.kind !== 'present') return [];
  const links = listAsked(patient);
  const isUnclaimed = ({ index, masterIndex }: Link) =>
    masterIndex === null &&
    networkd.links.some(({ linkIndex, networkFile }) => linkIndex === index && networkFile === null) &&
    !kernel.addresses.some(({ linkIndex, family }) => linkIndex === index && family === 4);
  return links.every(isUnclaimed) ? links : [];
}

/** None if there is no problem: it is a part of the check of files. */
export function checkNetworkFiles(patient: MetadataPatient): Finding[] {
  const [first] = listUnclaimed(patient);
  const { strangeMacs = [], strangeNames = [] } = patient.facts;
  const describe = (path: string, what: string) => `${path} matches ${what}, which no link here has`;
  const macs = strangeMacs.map(({ path, mac }) => describe(path, mac));
  const origin = 'it comes from the machine that this image or volume was made on';
  if (first === undefined) return macs.map((message) => find('files', 'warning', message, `if ${origin}, remove it`));
  const altNames = new Set(patient.kernel.links.flatMap((link) => link.altNames));
  const names = strangeNames.filter(({ name }) => !altNames.has(name));
  // A name without a link is nothing to speak of on a host that is well: the link may come.
  const brought = [...macs, ...names.map(({ path, name }) => describe(path, name))];
  const message = `the primary's link has no network file: ${first.name} (${first.mac}) is matched by none`;
  const advice =
    brought.length === 0
      ? `networkctl status ${first.name}; networkd needs /usr/lib/systemd/network/80-ec2.network, or a file of yours that matches`
      : `${brought.join('; ')}: ${origin}, or from another instance type. Remove it, then: networkctl reload`;
  return [find('files', 'error', message, advice)];
}

/**
 * The operator's file that gives the primary its addresses; null: networkd leases them, or nobody
 * can tell.
 */
function findOperatorFile(patient: MetadataPatient): { readonly link: Link; readonly path: string } | null {
  const files = listAsked(patient).map((link) => {
    const path = patient.networkd.links.find(({ linkIndex }) => linkIndex === link.index)?.networkFile ?? null;
    return path?.startsWith('/etc/') === true ? { link, path } : null;
  });
  return files.includes(null) ? null : (files[0] ?? null);
}

/**
 * The hop limit cannot be read from the instance: only the TTL of the answer shows it, and only
 * containers behind the host are affected by it.
 */
export function checkMetadata(patient: MetadataPatient): Finding[] {
  const { facts, warnings } = patient;
  const { metadataWays } = facts;
  const failed = metadataWays.filter(({ failure }) => failure !== null);
  const answered = metadataWays.length - failed.length;
  if (answered === 0) {
    const [first] = failed;
    const why = first?.failure ?? warnings[0] ?? 'no ENI has an address to send from';
    const message = `the metadata service answers through no ENI: ${why}`;
    return [find('metadata', 'error', message, adviseOnSilence(patient))];
  }
  // The IPv6 endpoint is off by default.
  const important = failed.filter(({ endpoint }) => !endpoint.includes('['));
  const advice = (localAddress: string) =>
    `replies to this address do not arrive: enid explain ${localAddress} 169.254.169.254`;
  return orFine(
    'metadata',
    `the metadata service answers through ${answered} of ${metadataWays.length} ways`,
    important.map(({ linkName, localAddress, endpoint, failure }) =>
      find(
        'metadata',
        'warning',
        `${endpoint} does not answer to ${localAddress} (${linkName}): ${failure}`,
        advice(localAddress),
      ),
    ),
  );
}

/** Only 403 means that the service is disabled (EC2 user guide, "Retrieve instance metadata"). */
function adviseOnSilence(patient: MetadataPatient): string {
  const failures = patient.facts.metadataWays.map(({ failure }) => failure);
  const statuses = failures.flatMap(
    (failure) => /^status (?<status>\d+)$/.exec(failure ?? '')?.groups?.['status'] ?? [],
  );
  const [unclaimed] = listUnclaimed(patient);
  if (unclaimed !== undefined) return `${unclaimed.name} has no network file: see there`;
  const operator = findOperatorFile(patient);
  if (operator !== null && statuses.length === 0) {
    return `${operator.link.name} has its addresses by ${operator.path}: are they this instance's, or those of the machine that this image or volume was made on? Without that file it leases its own (networkctl status ${operator.link.name})`;
  }
  if (statuses.includes('403')) {
    const enable = adviseOptions(patient, '--http-endpoint enabled');
    return `${enable}; containers also need --http-put-response-hop-limit 2`;
  }
  if (statuses.length > 0) {
    return 'the service is reachable but refuses for now (503: too many requests): enid retries; to find the program that sends so many: ss -tnp dst 169.254.169.254';
  }
  if (failures.length === 0) return 'no ENI has a lease: see networkctl status';
  return `no answer: look for a firewall or a route to 169.254.169.254 (ip route get 169.254.169.254), and check that the service is enabled: ${adviseOptions(patient, '--http-endpoint enabled')}`;
}

export function checkTags(patient: MetadataPatient): Finding[] {
  const tags = patient.snapshot?.tags;
  if (tags === undefined) return [find('tags', 'ok', 'the configuration matches no instance tags')];
  const unread = patient.snapshot?.unreadTags ?? [];
  if (unread.length > 0) {
    const message = `the metadata lists ${unread.join(', ')}, but has no value for it yet: the entries that match it wait`;
    return [find('tags', 'warning', message, 'wait a minute; then set the tag of the instance again')];
  }
  const names = Object.keys(tags ?? {})
    .filter((key) => tags?.[key] !== null)
    .join(', ');
  if (tags !== null)
    return [find('tags', 'ok', `of the tags that the configuration matches, the instance has ${names || 'none'}`)];
  const advice = adviseOptions(patient, '--instance-metadata-tags enabled');
  return [find('tags', 'warning', 'entries match by tag, but the instance does not expose its tags', advice)];
}
