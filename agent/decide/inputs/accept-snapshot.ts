/**
 * Which parts of a new snapshot are accepted (DESIGN, decision 2). Invariant: a single read never
 * removes anything or changes it, except what it shows on another ENI of the same VPC. Additions
 * are accepted at once.
 */

import type { EniMetadata, EniReading, Snapshot } from '../../model.ts';
import { findContested, refuseOverlaps } from './contested.ts';

/** State carried from read to read. */
export interface AcceptState {
  readonly accepted: Snapshot | null;
  /** Values that the last read lacked and that are still kept: text of the value → always true. */
  readonly missing: Readonly<Record<string, true>>;
}

export interface Acceptance {
  readonly accepted: Snapshot;
  readonly state: AcceptState;
  /** Removals that the next read must confirm. Not empty: read again soon. */
  readonly unconfirmed: readonly string[];
  /** One line each: readings that cannot be used. */
  readonly problems: readonly string[];
}

/** Before the first read of a host without stored metadata. */
export const initialAcceptState: AcceptState = { accepted: null, missing: {} };

/**
 * Identical reads are a fixpoint; two equal reads in a row are accepted completely, except ENIs
 * that are pending or invalid: these keep their last good reading, without what another ENI shows
 * meanwhile.
 */
export function acceptSnapshot(state: AcceptState, candidate: Snapshot): Acceptance {
  const before = readyEnis(state.accepted);
  const review = new Review(state, { ...candidate, enis: refuseOverlaps(candidate, before) });
  const enis = review.reviewEnis();
  const accepted: Snapshot = {
    primaryMac: review.reviewPrimary(),
    instanceId: candidate.instanceId ?? state.accepted?.instanceId ?? null,
    enis,
    ...review.reviewTags(),
    ...findContested(before, state.accepted?.contested ?? {}, listReady(enis)),
  };
  const missing = Object.fromEntries(review.missing.map((thing) => [thing, true as const]));
  return { accepted, state: { accepted, missing }, unconfirmed: review.missing, problems: review.problems };
}

const listFields = ['ipv4Addresses', 'ipv6Addresses', 'ipv4Prefixes', 'ipv6Prefixes'] as const;
type ListField = (typeof listFields)[number];

class Review {
  readonly missing: string[] = [];
  readonly problems: string[] = [];
  readonly #state: AcceptState;
  readonly #candidate: Snapshot;
  readonly #before: ReadonlyMap<string, EniMetadata>;
  /** `vpc thing` → MACs that show it now. */
  readonly #shown = new Map<string, string[]>();

  constructor(state: AcceptState, candidate: Snapshot) {
    this.#state = state;
    this.#candidate = candidate;
    this.#before = new Map(readyEnis(state.accepted).map((eni) => [eni.mac, eni]));
    for (const eni of readyEnis(candidate)) {
      for (const value of listFields.flatMap((field) => eni[field])) {
        const key = `${eni.vpcId} ${value}`;
        this.#shown.set(key, [...(this.#shown.get(key) ?? []), eni.mac]);
      }
    }
  }

  reviewPrimary(): string {
    const before = this.#state.accepted?.primaryMac;
    const now = this.#candidate.primaryMac;
    if (before === undefined || before === now || this.#isGone(`primary ${before} → ${now}`)) return now;
    return before;
  }

  /**
   * A changed or missing value may exclude an ENI from this program or include it: a second read
   * decides.
   */
  reviewTags(): Pick<Snapshot, 'tags' | 'unreadTags'> {
    const { tags, unreadTags } = this.#candidate;
    if (tags === undefined) return {};
    const unread = unreadTags === undefined ? {} : { unreadTags };
    const before = this.#state.accepted?.tags ?? {};
    const kept = Object.entries(before).filter(([key, value]) => {
      if (unreadTags?.includes(key) === true) return true;
      // Tags that the configuration no longer matches are dropped.
      const isAsked = tags === null || Object.hasOwn(tags, key);
      const now = tags?.[key] ?? null;
      return isAsked && value !== null && now !== value && !this.#isGone(`tag ${key} ${value} → ${now}`);
    });
    return { tags: kept.length === 0 ? tags : { ...tags, ...Object.fromEntries(kept) }, ...unread };
  }

  reviewEnis(): EniReading[] {
    const listed = new Set(this.#candidate.enis.map(macOf));
    const kept = [...this.#before.values()].filter((eni) => !listed.has(eni.mac) && !this.#isGone(`ENI ${eni.mac}`));
    return [
      ...this.#candidate.enis.map((reading) => this.#reviewReading(reading)),
      ...kept.map((eni) => this.#keep(eni)),
    ].sort((left, right) => (macOf(left) < macOf(right) ? -1 : 1));
  }

  #reviewReading(reading: EniReading): EniReading {
    const before = this.#before.get(macOf(reading));
    if (reading.kind === 'ready')
      return { kind: 'ready', eni: before === undefined ? reading.eni : this.#review(before, reading.eni) };
    if (reading.kind === 'invalid') this.problems.push(`ENI ${reading.mac}: ${reading.reason}`);
    if (before === undefined) return reading;
    if (reading.kind === 'pending')
      this.problems.push(`ENI ${reading.mac}: ${reading.reason}; what was known before is kept`);
    return this.#keep(before);
  }

  /** The last reading, without what has moved elsewhere: an address is never on two ENIs. */
  #keep(eni: EniMetadata): EniReading {
    const list = (field: ListField) => eni[field].filter((value) => !this.#hasMoved(eni, value));
    return { kind: 'ready', eni: { ...eni, ...mapLists(list) } };
  }

  #review(before: EniMetadata, now: EniMetadata): EniMetadata {
    const isKept = (value: string) => !this.#hasMoved(before, value) && !this.#isGone(`${before.mac} ${value}`);
    // A subnet's block is on each of its ENIs: it does not move.
    const isBlockKept = (block: string) => !this.#isGone(`${before.mac} subnet ${block}`);
    const isVpcBlockKept = (block: string) => !this.#isGone(`${before.mac} VPC ${block}`);
    const value = <Field extends keyof EniMetadata>(field: Field): EniMetadata[Field] =>
      this.#reviewValue(`${before.mac} ${field}`, before[field], now[field]);
    const lists = mapLists((field) => mergeLists(before[field], now[field], isKept));
    return {
      ...now,
      ...lists,
      ipv4Addresses: this.#reviewFirst(before, now, lists.ipv4Addresses),
      eniId: value('eniId'),
      deviceNumber: value('deviceNumber'),
      networkCard: value('networkCard'),
      subnetId: value('subnetId'),
      vpcId: value('vpcId'),
      subnetIpv4: value('subnetIpv4'),
      subnetIpv6: mergeLists(before.subnetIpv6, now.subnetIpv6, isBlockKept),
      ...(now.vpcCidrs === undefined
        ? {}
        : { vpcCidrs: [...mergeLists(before.vpcCidrs ?? [], now.vpcCidrs, isVpcBlockKept)].sort() }),
    };
  }

  /** A new value is accepted at once; a changed or missing one waits for the second read. */
  #reviewValue<Value>(name: string, before: Value, now: Value): Value {
    if (before === null || before === now || this.#isGone(`${name} ${before} → ${now}`)) return now;
    return before;
  }

  /** The first IPv4 address is the ENI's primary one: another one in its place changes both. */
  #reviewFirst(before: EniMetadata, now: EniMetadata, merged: readonly string[]): readonly string[] {
    const first = before.ipv4Addresses[0];
    const firstNow = now.ipv4Addresses[0];
    if (firstNow === undefined) return merged;
    const isHeld =
      first !== undefined && first !== firstNow && merged.includes(first) && this.#isFirstHeld(before, now);
    const lead = isHeld ? first : firstNow;
    return [lead, ...merged.filter((address) => address !== lead)];
  }

  #isFirstHeld(before: EniMetadata, now: EniMetadata): boolean {
    const [first, firstNow] = [before.ipv4Addresses[0] ?? '', now.ipv4Addresses[0]];
    // If it is not listed at all, its absence is what must be confirmed.
    return !now.ipv4Addresses.includes(first) || !this.#isGone(`${before.mac} first address ${first} → ${firstNow}`);
  }

  /** Positive evidence: another ENI of the same VPC shows it now. */
  #hasMoved({ mac, vpcId }: EniMetadata, value: string): boolean {
    return vpcId !== null && (this.#shown.get(`${vpcId} ${value}`) ?? []).some((other) => other !== mac);
  }

  /** True if the previous read lacked it too; otherwise it is kept until the next read. */
  #isGone(thing: string): boolean {
    if (Object.hasOwn(this.#state.missing, thing)) return true;
    this.missing.push(thing);
    return false;
  }
}

/** The new list; if something of the old one is kept, the old order, then the additions. */
function mergeLists(
  before: readonly string[],
  now: readonly string[],
  isKept: (value: string) => boolean,
): readonly string[] {
  const kept = new Set(before.filter((value) => !now.includes(value) && isKept(value)));
  if (kept.size === 0) return now;
  const stays = before.filter((value) => kept.has(value) || now.includes(value));
  return [...stays, ...now.filter((value) => !before.includes(value))];
}

function mapLists(map: (field: ListField) => readonly string[]): Pick<EniMetadata, ListField> {
  return {
    ipv4Addresses: map('ipv4Addresses'),
    ipv6Addresses: map('ipv6Addresses'),
    ipv4Prefixes: map('ipv4Prefixes'),
    ipv6Prefixes: map('ipv6Prefixes'),
  };
}

/** ENIs that were read completely; none if the metadata was never read. */
export function readyEnis(snapshot: Snapshot | null): EniMetadata[] {
  return listReady(snapshot?.enis ?? []);
}

function listReady(readings: readonly EniReading[]): EniMetadata[] {
  return readings.flatMap((reading) => (reading.kind === 'ready' ? [reading.eni] : []));
}

function macOf(reading: EniReading): string {
  return reading.kind === 'ready' ? reading.eni.mac : reading.mac;
}
