/**
 * Promise P10, every way: each source with each kind of destination, in both directions, by real
 * traffic. The simulated VPC drops what leaves by an ENI that does not own its source. A VRF needs
 * a kernel module that the lab's kernel lacks: spec/machine has it.
 */

import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { EnidProcess } from '../../fixtures/enid-process.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { runAll } from '../../fixtures/ways/disturbed.ts';
import { openWithEnid, settle, waysConfig } from '../../fixtures/ways/instance.ts';
import type { Matrix } from '../../fixtures/ways/matrix.ts';
import { findShape, listShapes } from '../../fixtures/ways/shapes.ts';
import { testMs } from './lab.ts';
import { expectAll, prepare, releases, sparse } from './ways.ts';

const shapes = listShapes();
/** The ENI on which the operator's configuration is tried. */
const configured = 'several';
describe.each(releases)('with systemd-networkd %s', (_release, findNetworkd) => {
  it.each(shapes.filter(({ name }) => name !== configured).map((shape) => [shape.name, shape] as const))(
    '%s: every way',
    async (_name, shape) => {
      const { vpc } = await openWithEnid(shape, { networkd: findNetworkd() });
      try {
        const matrix = await prepare(vpc, shape);
        expectAll(await runAll(matrix, shape.subnets));
      } finally {
        await vpc.destroy();
      }
    },
    testMs,
  );

  describe('several, by the operator’s configuration', () => {
    const shape = findShape(configured);
    let vpc: Vpc;
    let enid: EnidProcess;
    let matrix: Matrix;

    beforeAll(async () => {
      ({ vpc, enid } = await openWithEnid(shape, { networkd: findNetworkd() }));
      matrix = await prepare(vpc, shape);
    }, testMs);
    afterAll(() => vpc?.destroy());

    async function configure(entry: string): Promise<void> {
      await vpc.guest.writeFile('/etc/enid/config.yaml', `${waysConfig}${entry}`);
      enid.signal('SIGHUP');
      await settle(vpc, enid);
    }

    it(
      'none: every way',
      async () => {
        expectAll(await runAll(matrix, shape.subnets));
      },
      testMs,
    );

    it(
      'addresses: route-only, used by a container: every way',
      async () => {
        await configure('  - match: { device: 1 }\n    addresses: { secondary: route-only }\n');
        const [, eni] = vpc.enis;
        matrix.setRouteOnly([...(eni?.ipv4.slice(1) ?? []), ...(eni?.ipv6.slice(1) ?? [])]);
        await matrix.listen(5_000);
        const results = await matrix.run(await matrix.list(sparse));
        matrix.setRouteOnly([]);
        expectAll(results);
      },
      testMs,
    );

    it(
      'rules: classic: every way',
      async () => {
        const [, ...secondaries] = vpc.enis;
        const entries = secondaries.map(({ linkName }) => `  - match: { name: ${linkName} }\n    rules: classic\n`);
        await configure(entries.join(''));
        await matrix.listen(5_000);
        expectAll(await matrix.run(await matrix.list(sparse)));
      },
      testMs,
    );

    it.each([
      ['metric: behind another ENI’s', 'metric: 900'],
      ['defaultRoute: false', 'defaultRoute: false'],
    ])(
      'the primary with %s: every way',
      async (_what, key) => {
        await configure(`  - match: { device: 0 }\n    ${key}\n`);
        await matrix.listen(5_000);
        expectAll(await matrix.run(await matrix.list(sparse)));
      },
      testMs,
    );
  });
});
