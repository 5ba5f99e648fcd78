/**
 * Which parts of a new snapshot are believed (DESIGN, decision 2). Invariant: one read alone never takes anything away,
 * except what it shows on another ENI of the same VPC.
 */

import type { EniMetadata, EniReading, Snapshot } from '../model.ts';

/** What is carried from read to read. */
export interface AcceptState {
  readonly accepted: Snapshot | null;
  /** Things that the last read lacked and that are still kept: text of the thing → always true. */
  readonly missing: Readonly<Record<string, true>>;
}

export interface Acceptance {
  readonly accepted: Snapshot;
  readonly state: AcceptState;
  /** What the next read must confirm before it goes. Not empty: read again soon. */
  readonly unconfirmed: readonly string[];
  /** One line each: readings that cannot be used. */
  readonly problems: readonly string[];
}

export const initialAcceptState: AcceptState = { accepted: null, missing: {} };

/** Identical reads are a fixpoint; two equal reads in a row are believed whole, but for pending and invalid ENIs. */
export function acceptSnapshot(state: AcceptState, candidate: Snapshot): Acceptance {
  const review = new Review(state, candidate);
  const accepted: Snapshot = {
    primaryMac: review.reviewPrimary(),
    instanceId: candidate.instanceId ?? state.accepted?.instanceId ?? null,
    enis: review.reviewEnis(),
  };
  const missing = Object.fromEntries(review.missing.map((thing) => [thing, true as const]));
  return { accepted, state: { accepted, missing }, unconfirmed: review.missing, problems: review.problems };
}

type ListField = 'ipv4Addresses' | 'ipv6Addresses' | 'ipv4Prefixes' | 'ipv6Prefixes';
const listFields: readonly ListField[] = ['ipv4Addresses', 'ipv6Addresses', 'ipv4Prefixes', 'ipv6Prefixes'];

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

  reviewEnis(): EniReading[] {
    const listed = new Set(this.#candidate.enis.map(macOf));
    const kept = [...this.#before.values()].filter((eni) => !listed.has(eni.mac) && !this.#isGone(`ENI ${eni.mac}`));
    return [
      ...this.#candidate.enis.map((reading) => this.#reviewReading(reading)),
      ...kept.map((eni): EniReading => ({ kind: 'ready', eni })),
    ].sort((left, right) => (macOf(left) < macOf(right) ? -1 : 1));
  }

  #reviewReading(reading: EniReading): EniReading {
    const before = this.#before.get(macOf(reading));
    if (reading.kind !== 'ready') {
      if (reading.kind === 'invalid') this.problems.push(`ENI ${reading.mac}: ${reading.reason}`);
      return before === undefined ? reading : { kind: 'ready', eni: before };
    }
    if (before === undefined) return reading;
    const lists = Object.fromEntries(
      listFields.map((field) => [field, this.#reviewList(before, reading.eni, field)]),
    ) as Pick<EniMetadata, ListField>;
    const subnetIpv4 = reading.eni.subnetIpv4 ?? this.#keepValue(before, 'subnetIpv4', before.subnetIpv4);
    return { kind: 'ready', eni: { ...reading.eni, ...lists, subnetIpv4 } };
  }

  #keepValue(eni: EniMetadata, name: string, value: string | null): string | null {
    return value === null || this.#isGone(`${eni.mac} ${name} ${value}`) ? null : value;
  }

  /** The order of the new list, then what is kept: the first IPv4 address is the primary one. */
  #reviewList(before: EniMetadata, now: EniMetadata, field: ListField): readonly string[] {
    const kept = before[field].filter(
      (value) =>
        !now[field].includes(value) && !this.#hasMoved(before, value) && !this.#isGone(`${before.mac} ${value}`),
    );
    return kept.length === 0 ? now[field] : [...now[field], ...kept];
  }

  #hasMoved(before: EniMetadata, value: string): boolean {
    return (this.#shown.get(`${before.vpcId} ${value}`) ?? []).some((mac) => mac !== before.mac);
  }

  /** True where the read before lacked it too; else it is kept and asked for once more. */
  #isGone(thing: string): boolean {
    if (thing in this.#state.missing) return true;
    this.missing.push(thing);
    return false;
  }
}

function readyEnis(snapshot: Snapshot | null): EniMetadata[] {
  return (snapshot?.enis ?? []).flatMap((reading) => (reading.kind === 'ready' ? [reading.eni] : []));
}

function macOf(reading: EniReading): string {
  return reading.kind === 'ready' ? reading.eni.mac : reading.mac;
}
