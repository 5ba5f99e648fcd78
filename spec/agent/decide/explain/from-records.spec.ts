/**
 * The walk over records against the model of the kernel's look-up (fixtures/model/look-up.ts),
 * which spec/lab/look-up.spec.ts compares with RTM_GETROUTE.
 */

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answerFromRecords } from '../../../../agent/decide/explain/from-records.ts';
import type { Desired, KernelState } from '../../../../agent/model.ts';
import { kernelRules, lookUp } from '../../../../fixtures/model/look-up.ts';
import { makeLink, makeRoute } from '../../../../fixtures/model/records.ts';

const desired: Desired = { enis: [], reports: [], unknownMacs: [], provisional: [] };
const links = [1, 2, 3].map((index) => {
  const mac = index === 1 ? null : `06:00:00:00:00:0${index}`;
  return makeLink({ index, name: `l${index}`, mac, isLoopback: index === 1, group: index === 3 ? 236 : 0 });
});
const source = '10.0.1.10';
const address = {
  ...{
    linkIndex: 2,
    family: 4 as const,
    address: source,
    prefixLength: 24,
    scope: 0,
    flags: 0,
    protocol: 0,
    metric: 0,
  },
  validLifetime: null,
};

const prefix = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '10.0.1.0/24', '10.0.2.0/24', '10.0.2.7/32', '0.0.0.0/1');
const anyRoute = fc
  .record({
    table: fc.constantFrom(254, 254, 100, 200),
    destination: prefix,
    metric: fc.constantFrom(0, 512),
    linkIndex: fc.constantFrom(2, 3),
    type: fc.constantFrom(1, 1, 1, 1, 7),
  })
  .map(({ type, ...route }) => ({ ...makeRoute({ ...route, type: 'unicast', gateway: null }), type }));
const anyRule = fc
  .record({
    priority: fc.constantFrom(100, 200, 300),
    source: fc.option(fc.constantFrom('10.0.1.0/24', '10.0.1.10/32', '10.0.9.0/24')),
    destination: fc.option(fc.constantFrom('10.0.2.0/24')),
    table: fc.constantFrom(254, 100, 200),
    suppressPrefixLength: fc.option(fc.constantFrom(0, 1)),
    suppressGroup: fc.option(fc.constantFrom(236)),
  })
  .map((rule) => ({
    ...{ family: 4 as const, inputInterface: null, outputInterface: null, mark: null, users: null, action: 1 },
    ...{ protocol: 236, isComplex: false },
    ...rule,
  }));

it('answers as the kernel does', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyRoute, {
        selector: ({ table, destination, metric }) => `${table} ${destination} ${metric}`,
        maxLength: 12,
      }),
      fc.array(anyRule, { maxLength: 6 }),
      fc.constantFrom('10.0.2.7', '10.0.2.8', '192.0.2.1', '10.9.9.9'),
      (routes, own, destination) => {
        const rules = [...kernelRules, ...own];
        const kernel: KernelState = { links, addresses: [address], routes, rules, drivers: new Map() };
        const got = answerFromRecords({ kernel, desired }, { source, destination, inputLink: null, userId: 0 });
        const want = lookUp({ rules, routes, links }, { source, destination, inputInterface: 'lo' });
        const short = (way: { table: number; linkIndex: number | null }) => `${way.table} ${way.linkIndex}`;
        const wanted = want.kind === 'route' ? short(want.route) : want.errno;
        expect(got.kind === 'route' ? short(got.route) : got.errno).toBe(wanted);
      },
    ),
    { numRuns: 500 },
  );
});

it('refuses a source that the host does not have, and answers for one that it forwards', () => {
  const routes = [
    makeRoute({
      table: 254,
      destination: '0.0.0.0/0',
      type: 'unicast',
      gateway: '10.0.1.1',
      linkIndex: 2,
      metric: 512,
    }),
  ];
  const kernel: KernelState = { links, addresses: [address], routes, rules: kernelRules, drivers: new Map() };
  const packet = { source: '10.0.1.99', destination: '192.0.2.1', inputLink: null, userId: 0 };
  expect(answerFromRecords({ kernel, desired }, packet)).toMatchObject({ kind: 'refused', errno: 'EINVAL' });
  expect(answerFromRecords({ kernel, desired }, { ...packet, inputLink: 'l3' })).toMatchObject({ kind: 'route' });
});
