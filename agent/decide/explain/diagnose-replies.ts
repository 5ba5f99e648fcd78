/** What stops replies of published ports from following their connection. Pure. */

import type { Desired, HostFacts, ReplyFacts } from '../../model.ts';
import { type Finding, find } from './finding.ts';

interface Patient {
  readonly facts: Pick<HostFacts, 'reversePathFilters' | 'ipv6ReversePathFilter'>;
  readonly desired: Pick<Desired, 'enis' | 'replies'>;
  readonly replies?: ReplyFacts | undefined;
}

/** Nothing where replies are not marked, nor of an ENI without such an address. */
export function checkReplies({ facts, desired: { enis, replies = null }, replies: state }: Patient): Finding[] {
  if (replies === null) return [];
  const marked = new Set([...replies.sources[4].values(), ...replies.sources[6].values()]);
  // Main answers for the primary's own sources.
  const secondary = enis.filter(({ isPrimary, tableId }) => !isPrimary && marked.has(`eni${tableId}`));
  const { all = 0, ...links } = facts.reversePathFilters;
  const strict = secondary.map(({ linkName }) => linkName).filter((name) => Math.max(all, links[name] ?? 0) === 1);
  const findings = [
    ...(strict.length === 0 ? [] : [refuseStrict(strict)]),
    ...(replies.sources[6].size > 0 && facts.ipv6ReversePathFilter === 'strict' ? [refuseFirewalld()] : []),
    ...(state?.table === null ? [find('replies', 'warning', 'the table inet enid is missing', 'see `enid plan`')] : []),
  ];
  if (findings.length > 0) return findings;
  return [find('replies', 'ok', 'published ports answer by the ENI of the address that they were opened to')];
}

/** The look-up for the filter has the container's address as destination, which no rule is for. */
function refuseStrict(names: readonly string[]): Finding {
  const message = `net.ipv4.conf.{all,${names.join(',')}}.rp_filter is strict: what comes to a published port there is dropped on arrival`;
  const settings = names.map((name) => `net.ipv4.conf.${name}.rp_filter=2`).join(' ');
  return find('replies', 'warning', message, `\`reversePathFilter: loose\` for these ENIs, or sysctl -w ${settings}`);
}

/** Before firewalld 2.2, `loose` is refused in its journal and leaves the filter strict. */
function refuseFirewalld(): Finding {
  const message =
    'firewalld drops IPv6 packets that main would not answer by the link they came by: published ports of secondary ENIs get none';
  const advice =
    'IPv6_rpfilter=no in /etc/firewalld/firewalld.conf (firewalld 2.2 and later: or loose), then systemctl restart firewalld';
  return find('replies', 'warning', message, advice);
}
