/** A host through a random sequence of events, and the quiet host that it must end like. */

import fc from 'fast-check';
import { type EniMetadata, type Ledger, type NetworkdState, ownProtocol } from '../../agent/model.ts';
import { makeLink } from '../../fixtures/model/records.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import { addressAt } from '../../lib/ip/cidr.ts';
import { snapshotOf } from './host.ts';

const eventKinds = [
  ...([
    'attach',
    'detach',
    'rename',
    'lease',
    'expire',
    'assign',
    'unassign',
    'propagate',
    'pending',
    'drift',
  ] as const),
  ...(['pass', 'crash', 'restart-networkd', 'lose-ledger', 'save-ledger', 'stale-ledger'] as const),
];

/** One event; `which` picks the ENI or the object, `count` how much. */
export interface StoryEvent {
  readonly kind: (typeof eventKinds)[number];
  readonly which: number;
  readonly count: number;
}

export const storyEvents: fc.Arbitrary<StoryEvent[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...eventKinds), which: fc.nat(40), count: fc.nat(6) }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

interface Plugged {
  readonly linkIndex: number;
  name: string;
}

export class Story {
  readonly world = new ModelWorld({ networkd: { kind: 'present', version: 252, links: [] } });
  readonly #enis: readonly EniMetadata[];
  /** What EC2 assigned: how many of its secondary addresses each ENI has now. */
  readonly #assigned: number[];
  readonly #plugged = new Map<number, Plugged>();
  #nextIndex = 10;
  #savedLedger: Ledger = {};

  constructor(enis: readonly EniMetadata[], isBare = false) {
    this.#enis = enis;
    this.#assigned = enis.map(() => 2);
    if (isBare) return;
    for (const position of enis.keys()) this.#attach(position, `ens${5 + position}`);
    this.settle();
  }

  play({ kind, which, count }: StoryEvent): void {
    const { state } = this.world;
    const position = which % this.#enis.length;
    const plugged = this.#plugged.get(position);
    switch (kind) {
      case 'attach':
        this.#attach(position, `ens${5 + position}`);
        return;
      case 'detach':
        this.#detach(position);
        return;
      case 'rename':
        if (plugged !== undefined) this.#rename(plugged, `eth${count}x${position}`);
        return;
      case 'lease':
        this.#lease(position);
        return;
      case 'expire':
        if (plugged !== undefined) this.#expire(plugged);
        return;
      case 'assign':
      case 'unassign':
        this.#assigned[position] = kind === 'assign' ? count : 0;
        return;
      case 'propagate':
        this.#propagate();
        return;
      case 'pending':
        this.#propagate(position);
        return;
      case 'drift':
        this.#drift(which, count);
        return;
      case 'pass':
        this.world.pass();
        return;
      case 'crash':
        this.world.pass(count);
        return;
      case 'restart-networkd':
        this.world.restartNetworkd();
        return;
      case 'lose-ledger':
        // Together with a change of the desired state nothing would show what networkd once made:
        // it would stay, as foreign.
        this.settle();
        state.ledger = {};
        this.world.pass();
        return;
      case 'save-ledger':
        this.#savedLedger = state.ledger;
        return;
      case 'stale-ledger':
        this.settle();
        state.ledger = this.#savedLedger;
        this.world.pass();
        return;
    }
  }

  /** Everything that was under way arrives, and the program has its time. */
  settle(): void {
    for (const position of this.#plugged.keys()) this.#lease(position);
    this.#propagate();
    this.world.converge(8);
  }

  /** The same ENIs on a host where nothing ever went wrong. */
  quiet(): Story {
    const quiet = new Story(this.#enis, true);
    this.#assigned.forEach((count, position) => {
      quiet.#assigned[position] = count;
    });
    for (const [position, { name }] of [...this.#plugged].sort(([left], [right]) => left - right)) {
      quiet.#attach(position, name);
    }
    quiet.settle();
    return quiet;
  }

  /** What the packets see, with names for link indexes. */
  view() {
    const { addresses, routes, rules, links, files } = this.world.state;
    const nameOf = (linkIndex: number | null) => links.find(({ index }) => index === linkIndex)?.name ?? null;
    const sorted = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).sort();
    return {
      addresses: sorted(addresses.map((one) => [nameOf(one.linkIndex), one.address, one.prefixLength])),
      routes: sorted(routes.map((one) => [one.table, one.destination, one.gateway, nameOf(one.linkIndex), one.metric])),
      rules: sorted(rules.map(({ protocol: _, ...rule }) => rule)),
      altNames: sorted(links.map(({ name, altNames }) => [name, altNames])),
      files: [...files.keys()].sort(),
    };
  }

  #eniOf(position: number): EniMetadata {
    const eni = this.#enis[position];
    if (eni === undefined) throw new RangeError(`no ENI ${position}`);
    const count = this.#assigned[position] ?? 0;
    return {
      ...eni,
      ipv4Addresses: eni.ipv4Addresses.slice(0, 1 + count),
      ipv6Addresses: eni.ipv6Addresses.slice(0, count),
      ipv4Prefixes: count > 2 ? eni.ipv4Prefixes : [],
    };
  }

  #attach(position: number, name: string): void {
    const { state } = this.world;
    if (this.#plugged.has(position)) return;
    const linkIndex = this.#nextIndex++;
    this.#plugged.set(position, { linkIndex, name });
    state.links = [...state.links, makeLink({ index: linkIndex, name, mac: this.#eniOf(position).mac })];
    state.drivers.set(linkIndex, 'ena');
    this.#editNetworkdLinks((links) => [...links, { linkIndex, networkFile: null, setupState: 'unmanaged' }]);
    this.world.takeUp(this.#eniOf(position).mac);
  }

  /** The kernel takes everything on the link with it, but no rule. */
  #detach(position: number): void {
    const { state } = this.world;
    const plugged = this.#plugged.get(position);
    if (plugged === undefined) return;
    const { linkIndex } = plugged;
    this.#plugged.delete(position);
    state.links = state.links.filter(({ index }) => index !== linkIndex);
    state.addresses = state.addresses.filter((one) => one.linkIndex !== linkIndex);
    state.routes = state.routes.filter((one) => one.linkIndex !== linkIndex);
    this.#editNetworkdLinks((links) => links.filter((one) => one.linkIndex !== linkIndex));
    this.#forgetDeparted();
  }

  #rename(plugged: Plugged, name: string): void {
    const { state } = this.world;
    plugged.name = name;
    state.links = state.links.map((link) => (link.index === plugged.linkIndex ? { ...link, name } : link));
  }

  #lease(position: number): void {
    const plugged = this.#plugged.get(position);
    const { ipv4Addresses, subnetIpv4 } = this.#eniOf(position);
    const [address] = ipv4Addresses;
    if (plugged === undefined || address === undefined || subnetIpv4 === null) return;
    this.#expire(plugged);
    this.world.lease(plugged.linkIndex, {
      address,
      gateway: addressAt(subnetIpv4, 1n) ?? '',
      router: 'fe80::1',
      metric: 512 + position,
    });
  }

  /** The lease and the router advertisement run out: what was made of them goes. */
  #expire({ linkIndex }: Plugged): void {
    const { state } = this.world;
    state.addresses = state.addresses.filter((one) => one.linkIndex !== linkIndex || one.validLifetime === null);
    state.routes = state.routes.filter((one) => one.linkIndex !== linkIndex || ![9, 16].includes(one.protocol));
  }

  /** The metadata describes the present state; `pending`: not of this ENI, if it never did. */
  #propagate(pending = -1): void {
    const { state } = this.world;
    const before = (state.snapshot?.enis ?? []).flatMap((one) => (one.kind === 'ready' ? [one.eni] : []));
    const positions = [...this.#plugged.keys()].sort();
    const snapshot = snapshotOf(positions.map((position) => this.#eniOf(position)));
    const enis = snapshot.enis.map((one, index) =>
      positions[index] === pending && !before.some(({ mac }) => mac === one.eni.mac)
        ? { kind: 'pending' as const, mac: one.eni.mac, reason: 'late' }
        : one,
    );
    // The primary never changes in the life of an instance.
    state.snapshot = { ...snapshot, primaryMac: this.#eniOf(0).mac, enis };
    const listed = new Set(snapshot.enis.map(({ eni }) => eni.mac));
    state.departed = [...state.departed, ...before].filter(({ mac }) => !listed.has(mac));
    this.#forgetDeparted();
  }

  #forgetDeparted(): void {
    const { state } = this.world;
    state.departed = state.departed.filter(({ mac }) => state.links.some((link) => link.mac === mac));
  }

  /** Another program removes some of ours. */
  #drift(which: number, count: number): void {
    const { state } = this.world;
    const isHit = (_: unknown, index: number) => index % (count + 2) === which % (count + 2);
    state.rules = state.rules.filter((rule, index) => !isHit(rule, index));
    state.routes = state.routes.filter((route, index) => route.protocol !== ownProtocol || !isHit(route, index));
    state.addresses = state.addresses.filter((one, index) => !isHit(one, index));
    const files = [...state.files.keys()].filter((name, index) => name.includes('.d/') && isHit(name, index));
    // A file is the only proof of what networkd has just made from it: between the two the program
    // has had a pass.
    if (files.length > 0) this.world.pass();
    for (const name of files) state.files.delete(name);
  }

  #editNetworkdLinks(edit: (links: NetworkdState['links']) => NetworkdState['links']): void {
    const { state } = this.world;
    state.networkd = { ...state.networkd, links: edit(state.networkd.links) };
  }
}
