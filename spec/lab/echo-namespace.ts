/**
 * Runs inside a network namespace of its own (see act.spec.ts) and prints a JSON report. Changes
 * that the kernel does not announce: names of a link that is down (`manage: names`, nothing brings
 * it up), and a route that another program has with the same next hop.
 */

import { execFileSync } from 'node:child_process';
import { applyChanges } from '../../agent/act/apply.ts';
import { applyKernelChange } from '../../agent/act/netlink.ts';
import { Removals } from '../../agent/act/removals.ts';
import { defaultConfig } from '../../agent/config/defaults.ts';
import type { Config } from '../../agent/config/types.ts';
import { ownProtocol } from '../../agent/model.ts';
import { type PassResult, Reconciler } from '../../agent/run/reconciler.ts';
import { KernelMirror } from '../../agent/sense/kernel.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { makeEni } from '../agent/eni.ts';
import { snapshotOf } from '../properties/host.ts';

const checks: { name: string; want: unknown; got: unknown }[] = [];
const check = (name: string, want: unknown, got: unknown) => checks.push({ name, want, got });
const ip = (command: string) => execFileSync('ip', command.split(' '), { encoding: 'utf8' });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const client = new RtnetlinkClient();
const eni = makeEni(1);

/** Runs the reconciler on this kernel for a while; returns its reports. */
async function reconcile(config: Config, ms: number) {
  // As in the daemon: bird's routes in main (protocol 12) are not kept.
  const mirror = await KernelMirror.open({
    isRelevantRoute: (_family, table, _link, protocol) => table !== 254 || protocol !== 12,
  });
  const kernel = { client, protocol: ownProtocol };
  const never = async () => Promise.reject(new Error('expected not to be asked'));
  const hands = {
    changeKernel: (change: Parameters<typeof applyKernelChange>[0]) => applyKernelChange(change, kernel),
    beginRemovals: () => new Removals(kernel),
    ...{ writeFile: never, removeFile: never, reloadNetworkd: never, setDns: never, changeReplies: never },
  };
  const lines: string[] = [];
  const passes: PassResult[] = [];
  const senses = {
    kernel: () => mirror.state(),
    readKernel: () => mirror.resync(),
    networkd: () => ({ kind: 'absent' as const, version: null, links: [] }),
    lostRouters: () => [],
    files: () => ({ own: [], unsigned: [] }),
    replies: () => undefined,
    metadata: () => ({ snapshot: snapshotOf([makeEni(0), eni]), departed: [], isSilent: false }),
  };
  const acts = {
    apply: (changes: Parameters<typeof applyChanges>[0]) => applyChanges(changes, hands),
    readLedger: () => ({}),
    writeLedger: async () => undefined,
  };
  const reconciler = new Reconciler(config, senses, acts, {
    changed: ({ change, error }) => lines.push(`${error === null ? 'done' : error.message} ${change.kind}`),
    fought: ({ kind }) => lines.push(`fight ${kind}`),
    passed: (result) => passes.push(result),
    failed: (error) => lines.push(`failed ${error}`),
    ledgerFailed: () => undefined,
  });
  mirror.onChange(() => reconciler.wake());
  reconciler.start();
  await sleep(ms);
  await reconciler.stop();
  mirror.close();
  return { lines, passes };
}

ip('link set lo up');
ip(`link add ens6 address ${eni.mac} type veth peer name vpc6`);
const names: Config = {
  ...defaultConfig,
  drivers: ['veth'],
  interfaces: [{ match: {}, policy: { manage: 'names' } }],
};
{
  const { lines, passes } = await reconcile(names, 3_000);
  const link = (await client.dumpLinks()).find(({ name }) => name === 'ens6');
  check('names on a link that is down', ['device-number-1.0', eni.eniId], link?.altNames);
  check('two lines, no fight', ['done add-alt-name', 'done add-alt-name'], lines);
  check('few passes', true, passes.length < 6);
  check('nothing is left to do', [], passes.at(-1)?.remaining);
}

ip('link set ens6 up');
ip('link set vpc6 up');
ip('address add 10.0.1.4/24 dev ens6');
ip('route add 172.20.0.0/16 via 10.0.1.1 dev ens6 metric 513 proto bird');
const routes: Config = {
  ...defaultConfig,
  drivers: ['veth'],
  interfaces: [
    {
      match: {},
      policy: { manage: 'rules', rules: 'none', routes: [{ to: '172.20.0.0/16', via: '10.0.1.1', table: 'main' }] },
    },
  ],
};
{
  const { lines, passes } = await reconcile(routes, 6_000);
  check('no line for the route that bird has', ['done set-link-group'], lines);
  check('bird’s is left', 1, ip('route show 172.20.0.0/16').trim().split('\n').length);
  check('and is bird’s', true, ip('route show 172.20.0.0/16').includes('proto bird'));
  // It is retried with growing delays.
  check('few passes for it', true, passes.length > 3 && passes.length < 20);
  const left = passes.at(-1)?.remaining.filter((change) => change.kind === 'add-route' && change.route.table === 254);
  check('it is not pending', [], left);
}
client.close();
process.stdout.write(JSON.stringify(checks));
process.exit(0);
