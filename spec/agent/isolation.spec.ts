/** A defect that concerns one ENI costs that ENI's changes, not the others'. */

import { expect, test } from '@jest/globals';
import type { Change, EniMetadata, EniReport, Ledger } from '../../agent/model.ts';
import { Reconciler } from '../../agent/run/reconciler.ts';
import { linkOf } from '../properties/arbitrary.ts';
import { makeWorld, snapshotOf } from '../properties/host.ts';
import { makeEni } from './eni.ts';

/** Whatever looks at this part of it throws, as code with a defect does. */
function throwing(eni: EniMetadata, part: keyof EniMetadata): EniMetadata {
  const copy = { ...eni };
  Object.defineProperty(copy, part, {
    enumerable: true,
    get: () => {
      throw new TypeError(`${part} of ${eni.mac} cannot be`);
    },
  });
  return copy;
}

class Host {
  readonly enis = [makeEni(0), makeEni(1), makeEni(2)];
  readonly world = makeWorld(this.enis);
  readonly changes: Change[] = [];
  readonly failures: unknown[] = [];
  reports: readonly EniReport[] = [];
  thrown: ReadonlyMap<string, unknown> = new Map();
  readonly #reconciler: Reconciler;

  constructor() {
    const { world } = this;
    const senses = {
      kernel: () => world.kernel(),
      readKernel: async () => {},
      networkd: () => world.state.networkd,
      lostRouters: () => [],
      files: () => world.files(),
      replies: () => world.state.replies,
      metadata: () => ({ snapshot: world.state.snapshot, departed: [], isSilent: false }),
    };
    const acts = {
      apply: async (changes: readonly Change[]) =>
        changes.map((change) => {
          this.changes.push(change);
          world.apply(change, this.#desired());
          return { change, error: null, isMoot: false };
        }),
      readLedger: () => world.state.ledger,
      writeLedger: async (ledger: Ledger) => {
        world.state.ledger = ledger;
      },
    };
    this.#reconciler = new Reconciler(world.state.config, senses, acts, {
      changed: () => {},
      fought: () => {},
      ledgerFailed: () => {},
      passed: ({ desired, thrown }) => {
        this.thrown = thrown;
        this.reports = desired.reports;
      },
      failed: (error) => this.failures.push(error),
    });
    this.#reconciler.start();
  }

  /** For the model's networkd, by ENIs as they are without the defect. */
  #desired() {
    const { state } = this.world;
    const { snapshot } = state;
    state.snapshot = snapshotOf(this.enis);
    const { desired } = this.world.decide();
    state.snapshot = snapshot;
    return desired;
  }

  async settle(enis: readonly EniMetadata[]): Promise<void> {
    this.world.state.snapshot = snapshotOf(enis);
    this.changes.length = 0;
    this.#reconciler.wake();
    await this.#reconciler.idle();
  }

  stop(): Promise<void> {
    return this.#reconciler.stop();
  }

  stateOf({ mac }: EniMetadata): unknown {
    return this.reports.find((report) => report.mac === mac)?.state;
  }

  /** What stands for an ENI. */
  standing(eni: EniMetadata) {
    const { index } = linkOf(eni);
    const { addresses, routes, rules } = this.world.state;
    const table = 10_000 + eni.deviceNumber;
    return {
      addresses: addresses.filter(({ linkIndex }) => linkIndex === index),
      routes: routes.filter(({ linkIndex }) => linkIndex === index),
      rules: rules.filter((rule) => rule.table === table),
    };
  }
}

const parts: readonly (keyof EniMetadata)[] = [
  'ipv4Addresses',
  'ipv4Prefixes',
  'ipv6Addresses',
  'subnetIpv4',
  'deviceNumber',
];

test.each(parts)('an ENI whose %s makes the decision throw stays as it is, and the others go on', async (part) => {
  const host = new Host();
  try {
    const [primary, second, third] = host.enis as [EniMetadata, EniMetadata, EniMetadata];
    await host.settle(host.enis);
    const before = host.standing(second);
    expect(before.rules.length).toBeGreaterThan(0);
    const grown = { ...third, ipv4Addresses: [...third.ipv4Addresses, '10.0.2.99'] };
    await host.settle([primary, throwing(second, part), grown]);
    expect(host.failures).toEqual([]);
    expect(host.stateOf(second)).toEqual({
      kind: 'degraded',
      reason: `internal error: TypeError: ${part} of ${second.mac} cannot be; its present configuration is kept. Please report it`,
    });
    // With its stack, for whoever looks for the defect.
    expect([...host.thrown.keys()]).toEqual([second.mac]);
    expect(host.thrown.get(second.mac)).toMatchObject({ stack: expect.stringContaining('decide/') });
    expect(host.standing(second)).toEqual(before);
    expect(host.changes.filter(({ mac }) => mac === second.mac)).toEqual([]);
    expect(host.changes).toContainEqual(
      expect.objectContaining({ kind: 'add-address', address: expect.objectContaining({ address: '10.0.2.99' }) }),
    );
    await host.settle([primary, second, grown]);
    expect(host.stateOf(second)).toEqual({ kind: 'configured' });
    expect(host.standing(second)).toEqual(before);
  } finally {
    await host.stop();
  }
});
