/**
 * EFA-only ENIs without a network device: a final state that holds nothing back, until an address
 * is assigned.
 */

import { expect, it } from '@jest/globals';
import { diagnose } from '../../../../agent/decide/explain/diagnose.ts';
import type { EniMetadata } from '../../../../agent/model.ts';
import { ModelWorld } from '../../../../fixtures/model/world.ts';
import { giveLease, plugIn, snapshotOf } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const primary = { ...makeEni(0), deviceNumber: 0 };
/**
 * As the metadata lists it (amazon-vpc-cni-k8s, pull request 3047): with its subnet, without an
 * address.
 */
const efaOnly: EniMetadata = { ...makeEni(1), networkCard: 1, ipv4Addresses: [] };

it('are quiet without a link, and followed once they have an address and a link', () => {
  const world = new ModelWorld({ snapshot: snapshotOf([primary, efaOnly]) });
  plugIn(world, primary);
  giveLease(world, primary);
  world.converge();
  const { desired, difference } = world.decide();
  const reportOf = (mac: string) => world.decide().desired.reports.find((report) => report.mac === mac);
  expect(reportOf(efaOnly.mac)?.state).toEqual({ kind: 'ignored', reason: 'no network device: EFA-only' });
  expect(reportOf(primary.mac)?.state).toEqual({ kind: 'configured' });
  expect(desired.unknownMacs).toEqual([]);
  const findings = diagnose({
    configuration: { faults: [], cautions: [], files: [], isInForce: true },
    memory: null,
    facts: {
      kernelRelease: '6.1.0',
      programs: [],
      files: [],
      manageForeignRoutes: 'no',
      manageForeignRules: 'no',
      reversePathFilters: {},
      metadataWays: [],
      daemon: { processId: 1, hasNetAdmin: true },
    },
    networkd: world.state.networkd,
    kernel: world.kernel(),
    desired,
    warnings: [],
    ...difference,
    ways: { list: { questions: [], sourceCount: 0, wayCount: 0, omittedCount: 0, missing: [] }, judged: [] },
    snapshot: world.state.snapshot,
  });
  const said = findings.filter(({ message }) => message.includes('EFA-only'));
  expect(said).toMatchObject([{ severity: 'info', message: expect.stringContaining('no network device: EFA-only') }]);

  const assigned: EniMetadata = { ...efaOnly, ipv4Addresses: ['10.0.1.9'] };
  world.state.snapshot = snapshotOf([primary, assigned]);
  expect(reportOf(efaOnly.mac)?.state).toEqual({ kind: 'waiting', reason: 'no link with this MAC yet' });
  plugIn(world, assigned);
  giveLease(world, assigned);
  world.converge();
  expect(reportOf(efaOnly.mac)?.state).toEqual({ kind: 'configured' });
});
