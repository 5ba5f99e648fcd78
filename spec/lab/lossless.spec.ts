/**
 * Promise P5 with both networkds: a probe every 5 ms and a TCP stream on every address of every
 * ENI; no action of the program loses a packet of an address that stays.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, installInto } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, ipv6Only, primary, sharing, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, sleep, testMs, until } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let vpc: Vpc;
  let enid: EnidProcess;

  const watch = (action: () => Promise<unknown>, except: readonly string[] = []) => watchLoss(vpc, action, { except });

  beforeAll(async () => {
    const command = findCommand();
    vpc = await Vpc.create({ name: `lossless-${release}`, subnets, guest: command === null ? {} : { command } });
    await installInto(vpc.guest);
    await vpc.attach(primary);
    await vpc.guest.networkd.start();
    for (const source of ['10.0.1.10', '2001:db8:0:1::10']) {
      await until(source, () => vpc.reaches(source, { timeoutMs: 500 }));
    }
    // DHCPv6 has its address, and the first router advertisements are over.
    await sleep(1_500);
  }, testMs);
  afterAll(() => vpc?.destroy());

  it(
    'takes over the running primary',
    async () => {
      const lost = await watch(async () => {
        enid = EnidProcess.start(vpc.guest);
        await enid.converged();
      }, ['10.0.1.11']);
      expect([...lost]).toEqual([]);
    },
    testMs,
  );

  it(
    'attaches ENIs beside those that carry traffic',
    async () => {
      for (const eni of [alone, sharing, withPrefixes]) {
        const lost = await watch(async () => {
          await vpc.attach(eni);
          await awaitReach(vpc);
          await enid.converged();
        });
        expect([eni.linkName, ...lost]).toEqual([eni.linkName]);
      }
    },
    testMs,
  );

  it(
    'assigns and unassigns addresses and prefixes; an ENI attached afterwards causes no loss either',
    async () => {
      const added = {
        ipv4: ['10.0.2.24'],
        ipv6: ['2001:db8:0:2::24'],
        ipv4Prefixes: ['10.0.2.96/28'],
        ipv6Prefixes: ['2001:db8:0:2:1::/80'],
      };
      const lost = await watch(async () => {
        await vpc.assign(alone.id, added);
        await vpc.assign(primary.id, { ipv4: ['10.0.1.12'] });
        await awaitReach(vpc);
        // The reload for a new link must not affect links whose addresses have changed since their
        // own first reload.
        await vpc.attach(ipv6Only);
        await awaitReach(vpc);
      });
      expect([...lost]).toEqual([]);
      const back = await watch(async () => {
        await vpc.detach(ipv6Only.id);
        await vpc.unassign(alone.id, added);
        await vpc.unassign(primary.id, { ipv4: ['10.0.1.12'] });
        await until('the end of the unassigned', async () => {
          const text = await vpc.guest.check(['ip', '-o', 'address']);
          return !/10\.0\.2\.24|10\.0\.1\.12|2::24/.test(text);
        });
        await enid.converged();
      }, [...(ipv6Only.ipv6 ?? []), ...added.ipv4, ...added.ipv6, '10.0.1.12']);
      expect([...back]).toEqual([]);
    },
    testMs,
  );

  it(
    'reloads, restarts, is killed at any instant, stops',
    async () => {
      const lost = await watch(async () => {
        enid.signal('SIGHUP');
        await enid.converged();
        for (const delayMs of [50, 150, 400]) {
          await enid.stop('SIGKILL');
          enid = EnidProcess.start(vpc.guest);
          await sleep(delayMs);
        }
        await enid.converged();
        await enid.stop('SIGTERM');
        enid = EnidProcess.start(vpc.guest);
        await enid.converged();
      });
      expect([...lost]).toEqual([]);
    },
    testMs,
  );

  it(
    'bears what others do to networkd',
    async () => {
      const reloaded = await watch(async () => {
        await vpc.guest.writeFile('/run/systemd/network/60-other.network', '[Match]\nName=nothing\n');
        await vpc.guest.check(['networkctl', 'reload']);
        await enid.converged();
      });
      expect([...reloaded]).toEqual([]);
      const restarted = await watch(async () => {
        await vpc.guest.networkd.restart();
        await enid.converged();
      });
      // 252 by itself drops each DHCPv6 address for 100 ms at its own restart; the program restores
      // it at once.
      const ipv4 = [...restarted].filter(([name]) => !name.includes(':'));
      expect(ipv4).toEqual([]);
      for (const [name, count] of restarted) {
        expect({ name, isShort: count <= (release === '252' ? 8 : 0) }).toEqual({ name, isShort: true });
      }
      const killed = await watch(async () => {
        await vpc.guest.networkd.kill();
        await vpc.guest.networkd.start();
        await enid.converged();
      });
      expect([...killed]).toEqual([]);
    },
    testMs,
  );
});
