/**
 * An instance with several network cards, with tags in its metadata: tables and names follow the
 * card.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, installInto } from '../../fixtures/enid-process.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs } from './lab.ts';

let vpc: Vpc;

beforeAll(async () => {
  vpc = await Vpc.create({ name: 'cards', subnets, tags: { Name: 'lab' } });
  await installInto(vpc.guest);
  await vpc.attach({ ...primary, networkCard: 0 });
  await vpc.guest.networkd.start();
}, testMs);
afterAll(() => vpc?.destroy());

it(
  'gives each ENI the table and the names of its card',
  async () => {
    const enid = EnidProcess.start(vpc.guest);
    // Two cards, and the same device number on both.
    await vpc.attach({ ...alone, networkCard: 1, deviceNumber: 1 });
    await vpc.attach({ ...sharing, networkCard: 2, deviceNumber: 1 });
    await awaitReach(vpc);
    await enid.converged();
    const rules = await vpc.guest.check(['ip', 'rule']);
    expect(rules).toMatch(/^20101:\tfrom 10\.0\.2\.0\/24 iif lo lookup 10101 /m);
    expect(rules).toMatch(/^20201:\tfrom 10\.0\.1\.30\/31 lookup 10201 /m);
    expect(await vpc.guest.check(['ip', 'route', 'show', 'table', '10101'])).toMatch(
      /^default via 10\.0\.2\.1 dev ens6 /m,
    );
    expect(await vpc.guest.check(['ip', 'link', 'show', 'dev', 'ens6'])).toMatch(/altname device-number-1\.1$/m);
    expect(await vpc.guest.check(['ip', 'link', 'show', 'dev', 'ens7'])).toMatch(/altname device-number-1\.2$/m);
    expect(await vpc.guest.check(['ip', 'route', 'show', 'default'])).toMatch(/dev ens6 .*metric 613/);
  },
  testMs,
);
