/**
 * Claims of several ENIs on the same value. Invariant: what an ENI lists takes nothing from another
 * ENI that had it before and still lists it. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { CidrIndex, hostCidr, overlaps } from '../../../lib/ip/cidr.ts';
import type { EniMetadata, EniReading, Snapshot } from '../../model.ts';
import { listSubnetBlocks } from '../base/subnet-blocks.ts';

/** Of a card and device, in `Snapshot.contested`: addresses and prefixes are there as CIDR text. */
export const placeClaim = 'place';

/** Values of the ENI that only one ENI can have. */
function listClaims(eni: EniMetadata): string[] {
  return [
    ...[...eni.ipv4Addresses, ...eni.ipv6Addresses].map(hostCidr),
    ...[...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
    placeClaim,
  ];
}

interface History {
  readonly before: ReadonlyMap<string, EniMetadata>;
  readonly contested: NonNullable<Snapshot['contested']>;
}

/**
 * Claims that another ENI had before and still has. If both are new, the decision ranks
 * them.
 */
export function findContested(
  before: readonly EniMetadata[],
  contested: NonNullable<Snapshot['contested']>,
  now: readonly EniMetadata[],
): Pick<Snapshot, 'contested'> {
  const history = { before: new Map(before.map((eni) => [eni.mac, eni])), contested };
  const fresh = now.flatMap((eni) => {
    const claims = listFresh(eni, history);
    return claims.length === 0 ? [] : [{ eni, claims }];
  });
  if (fresh.length === 0) return {};
  const isHeld = holdersOf(now, fresh, history);
  const found = fresh.flatMap(({ eni, claims }): [string, readonly string[]][] => {
    const mine = claims.filter((claim) => isHeld(eni, claim));
    return mine.length === 0 ? [] : [[eni.mac, mine]];
  });
  return found.length === 0 ? {} : { contested: Object.fromEntries(found) };
}

/** Usually none: most of what an ENI lists was there before. */
function listFresh(eni: EniMetadata, history: History): string[] {
  const known = history.before.get(eni.mac);
  if (known === undefined) return listClaims(eni);
  const old = new Set(listClaims(known));
  const mine = history.contested[eni.mac] ?? [];
  const isFresh = (claim: string) =>
    mine.includes(claim) || (claim === placeClaim ? !isSamePlace(eni, known) : !old.has(claim));
  return listClaims(eni).filter(isFresh);
}

/** Whether another ENI holds what the claim is, or has it within, or is within. */
function holdersOf(
  now: readonly EniMetadata[],
  fresh: readonly { readonly claims: readonly string[] }[],
  history: History,
): (eni: EniMetadata, claim: string) => boolean {
  const holders = new Map<string, EniMetadata[]>();
  for (const eni of now)
    for (const claim of listHeld(eni, history)) holders.set(claim, [...(holders.get(claim) ?? []), eni]);
  const places = holders.get(placeClaim) ?? [];
  holders.delete(placeClaim);
  // Prefixes nest or are disjoint: one of both has the other's first address.
  const held = new CidrIndex([...holders.keys()]);
  const claimed = new CidrIndex(fresh.flatMap(({ claims }) => claims.filter((claim) => claim !== placeClaim)));
  const within = new Map<string, string[]>();
  for (const claim of holders.keys())
    for (const around of claimed.find(firstAddress(claim))) within.set(around, [...(within.get(around) ?? []), claim]);
  return (eni, claim) => {
    if (claim === placeClaim) return places.some((other) => other !== eni && isSamePlace(other, eni));
    const rivals = [...held.find(firstAddress(claim)), ...(within.get(claim) ?? [])];
    return rivals.some((one) => holders.get(one)?.some((other) => other !== eni) === true);
  };
}

/** What the ENI had before, uncontested, and still has. */
function listHeld(eni: EniMetadata, { before, contested }: History): string[] {
  const known = before.get(eni.mac);
  if (known === undefined) return [];
  const old = new Set(listClaims(known));
  const mine = contested[eni.mac] ?? [];
  const isOld = (claim: string) => (claim === placeClaim ? isSamePlace(eni, known) : old.has(claim));
  return listClaims(eni).filter((claim) => isOld(claim) && !mine.includes(claim));
}

function firstAddress(cidr: string): string {
  return cidr.slice(0, cidr.indexOf('/'));
}

function isSamePlace(left: EniMetadata, right: EniMetadata): boolean {
  return left.networkCard === right.networkCard && left.deviceNumber === right.deviceNumber;
}

/**
 * Subnets of one VPC never overlap (Amazon VPC user guide, "Subnet CIDR blocks"), so of two ENIs
 * with overlapping subnets one reading is wrong: not the one that was there before, else not the
 * primary's, else not that of the lower card and device.
 */
export function refuseOverlaps(candidate: Snapshot, before: readonly EniMetadata[]): EniReading[] {
  const ready = candidate.enis.flatMap((reading) => (reading.kind === 'ready' ? [reading.eni] : []));
  const rankOf = (eni: EniMetadata) => {
    const known = before.find(({ mac }) => mac === eni.mac);
    const isOld = known !== undefined && listSubnetBlocks(known).join() === listSubnetBlocks(eni).join();
    const place = String(100 * eni.networkCard + eni.deviceNumber).padStart(5, '0');
    return `${isOld ? 0 : 1} ${eni.mac === candidate.primaryMac ? 0 : 1} ${place} ${eni.mac}`;
  };
  const ranked = ready.map((eni) => ({ eni, rank: rankOf(eni) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const believed: EniMetadata[] = [];
  const refused = new Map<string, string>();
  for (const { eni } of ranked) {
    const reason = explainOverlap(eni, believed);
    if (reason === null) believed.push(eni);
    else refused.set(eni.mac, reason);
  }
  if (refused.size === 0) return [...candidate.enis];
  return candidate.enis.map((reading) => {
    const reason = reading.kind === 'ready' ? refused.get(reading.eni.mac) : undefined;
    return reading.kind !== 'ready' || reason === undefined
      ? reading
      : { kind: 'invalid', mac: reading.eni.mac, reason };
  });
}

function explainOverlap(eni: EniMetadata, believed: readonly EniMetadata[]): string | null {
  for (const other of believed) {
    if (eni.vpcId === null || other.vpcId !== eni.vpcId) continue;
    for (const block of listSubnetBlocks(eni)) {
      const rival = listSubnetBlocks(other).find((one) => one !== block && overlaps(one, block));
      if (rival === undefined) continue;
      const leaf = familyOf(block) === 4 ? 'subnet-ipv4-cidr-block' : 'subnet-ipv6-cidr-blocks';
      const name = other.eniId ?? other.mac;
      return `metadata ${leaf}: expected a subnet that does not overlap ${rival} of ${name}, got "${block}"; what was known before is kept`;
    }
  }
  return null;
}
