/** How many rules stand in the kernel, and what they add to a packet that walks them all. */

import * as z from 'zod';
import type { Rule } from '../../agent/model.ts';
import { Guard } from '../../fixtures/vpc/guard.ts';
import { Namespace } from '../../fixtures/vpc/namespace.ts';
import { RemoteProcess } from '../../fixtures/vpc/rpc.ts';
import { describeSize, idleConfig, large, openConverged } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import { type Layout, openModel } from './model-instance.ts';

const rounds = 30;
const packetsPerRound = 20_000;
/** Of nobody's rules: it walks them all. */
const source = '192.0.2.1';
const destination = '203.0.113.1';
/** One for each secondary address. */
const classicCount = large.eniCount * large.addressCount;

export const rules: Benchmark = {
  name: 'rules',
  async run(): Promise<Measurement[]> {
    const separate = listRules('separate');
    const shared = listRules('shared');
    const twice = openModel({ ...large, addressCount: 2 * large.addressCount }, 'separate').state.rules;
    const classic = Array.from({ length: classicCount }, (_, index) => ({
      ...{ priority: 10_000, table: 10_001, suppressPrefixLength: null, suppressGroup: null, inputInterface: null },
      source: `10.0.${index >> 8}.${index & 255}/32`,
    }));
    const peer = { name: 'amazon-ec2-net-utils', value: classicCount };
    // One subnet: each ENI's addresses are blocks of their own, four of them at 50, with two rules
    // each.
    const [bar, sharedBar] = [{ p99: 40 }, { p99: 120 }];
    const where = describeSize(large);
    const added = await measureAdded({ separate, shared, classic });
    return [
      { what: `rules in the kernel: ${where}`, unit: '', samples: [await countKernelRules()], bar, peer },
      {
        what: `rules: ${large.eniCount} × ${2 * large.addressCount}`,
        unit: '',
        samples: [twice.length],
        bar: { p99: separate.length },
      },
      { what: `rules: ${where}, all ENIs in one subnet`, unit: '', samples: [shared.length], bar: sharedBar, peer },
      { what: `packet: what the rules add, ${where}`, unit: 'µs', samples: added.separate, bar: { median: 0.6 } },
      { what: `packet: what the rules add, ${where}, one subnet`, unit: 'µs', samples: added.shared },
      { what: `packet: what ${classicCount} rules add, one per address`, unit: 'µs', samples: added.classic },
    ];
  },
};

type Told = Pick<Rule, 'priority' | 'source' | 'table' | 'suppressPrefixLength' | 'suppressGroup' | 'inputInterface'>;

function listRules(layout: Layout): Told[] {
  return openModel(large, layout).state.rules;
}

async function countKernelRules(): Promise<number> {
  const { vpc } = await openConverged(large, idleConfig);
  try {
    const lines = (await vpc.guest.check(['ip', '-4', 'rule'])).trim().split('\n');
    return lines.filter((line) => !/^(0|32766|32767):/.test(line)).length;
  } finally {
    await vpc.destroy();
  }
}

/**
 * µs per packet more than without rules; with and without in turn, so that the machine's moods are
 * the same for both.
 */
async function measureAdded<K extends string>(sets: Record<K, readonly Told[]>): Promise<Record<K, number[]>> {
  const guard = new Guard();
  try {
    const namespace = await Namespace.hold(guard, { label: 'enid-bench-lookup' });
    await namespace.ip([
      'link set lo up',
      'link add out0 type ifb',
      `address add ${source}/24 dev out0`,
      'link set out0 up arp off',
      'route add default dev out0',
    ]);
    const sender = await RemoteProcess.start(namespace, new URL('./lookup-main.ts', import.meta.url).href);
    const send = async () =>
      z.number().parse(await sender.call('send', { source, destination, count: packetsPerRound }));
    await send();
    const added = {} as Record<K, number[]>;
    for (const name of Object.keys(sets) as K[]) {
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = await send();
        await namespace.ip(sets[name].map((rule) => `rule add ${formatRule(rule)}`));
        samples.push((await send()) - before);
        await namespace.ip(sets[name].map((rule) => `rule del ${formatRule(rule)}`));
      }
      added[name] = samples;
    }
    return added;
  } finally {
    await guard.release();
  }
}

function formatRule({
  priority,
  source: from,
  table,
  suppressPrefixLength,
  suppressGroup,
  inputInterface,
}: Told): string {
  const input = inputInterface === null ? '' : ` iif ${inputInterface}`;
  const suppress = suppressPrefixLength === null ? '' : ` suppress_prefixlength ${suppressPrefixLength}`;
  const group = suppressGroup === null ? '' : ` suppress_ifgroup ${suppressGroup}`;
  return `pref ${priority} from ${from}${input} lookup ${table}${suppress}${group}`;
}
