/** Most links of other programs are not looked at: with them and without, the same is decided. */

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultConfig } from '../../agent/config/defaults.ts';
import { identifyGroup } from '../../agent/decide/base/identity.ts';
import { eniGroup } from '../../agent/decide/base/numbers.ts';
import { computeDesired } from '../../agent/decide/desired/desired.ts';
import { findForeignGroups } from '../../agent/decide/desired/situation.ts';
import { listForeignFiles } from '../../agent/decide/desired/unit-directory.ts';
import { computeDifference, type Difference } from '../../agent/decide/diff/diff.ts';
import { readDeclared } from '../../agent/decide/diff/on-file.ts';
import { findCandidates } from '../../agent/decide/inputs/match-links.ts';
import { rememberRouters } from '../../agent/decide/inputs/routers.ts';
import type { Address, Desired, Link } from '../../agent/model.ts';
import { makeLink } from '../../fixtures/model/records.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import { countRuns, eniList, limitRuns } from './arbitrary.ts';
import { Story, storyEvents } from './story.ts';

const linkIndex = fc.integer({ min: 1000, max: 1005 });

/** Also with an ENI's MAC, above an ENI, or with an ENI's alternative name. */
const foreignLinks: fc.Arbitrary<Link[]> = fc
  .uniqueArray(
    fc.record({
      index: linkIndex,
      kind: fc.constantFrom('veth', 'bridge', 'vrf', 'ipvlan'),
      mac: fc.constantFrom('0a:00:00:00:00:01', '02:00:00:00:00:00'),
      masterIndex: fc.constantFrom(null, 1000, 1001),
      altNames: fc.constantFrom<string[][]>([], [], ['eni-00000000000000000'], ['web']),
    }),
    { selector: ({ index }) => index, maxLength: 6 },
  )
  .map((links) => links.map((link) => makeLink({ ...link, permanentMac: null, name: `foreign${link.index}` })));

/** Also those of ENIs. */
const foreignAddresses: fc.Arbitrary<Address[]> = fc.array(
  fc
    .record({
      linkIndex,
      address: fc.constantFrom('fe80::1', '172.17.0.1', '10.0.0.5', '10.0.1.5', '2001:db8:0:1::1:5'),
      isHost: fc.boolean(),
      isLinkScope: fc.boolean(),
    })
    .map(({ address, isHost, isLinkScope, ...rest }): Address => {
      const family = address.includes(':') ? 6 : 4;
      const prefixLength = isHost ? (family === 6 ? 128 : 32) : 24;
      // The kernel tells that of IPv6 by the address; of IPv4 it is as it was given.
      const scope = address.startsWith('fe80') || (family === 4 && isLinkScope) ? 253 : 0;
      return {
        ...rest,
        address,
        family,
        prefixLength,
        scope,
        flags: 0x80,
        protocol: 0,
        metric: 0,
        validLifetime: null,
      };
    }),
  { maxLength: 6 },
);

/** With every link and address of the host, as if all of them could affect the decision. */
function decideUnfiltered(world: ModelWorld): { desired: Desired; difference: Difference } {
  const { config, snapshot, departed, networkd, offered, unread, ledger } = world.state;
  const kernel = world.kernel();
  const directory = world.files();
  const files = directory.own;
  const desired = computeDesired({
    ...{ config, snapshot, departed, networkd, kernel, ownFiles: files, isSilent: snapshot === null },
    routers: rememberRouters([], kernel, 0),
    foreignFiles: listForeignFiles(directory, ledger),
    foreignGroups: findForeignGroups(kernel.links, (index) => identifyGroup(index, eniGroup) in ledger),
    lastLeases: new Map(),
    failures: new Map(),
    replyFamilies: '',
  });
  const declared = readDeclared({ files, candidates: findCandidates(kernel, config.drivers) });
  const recorded = { ...declared, ...ledger };
  const settling = new Set<string>();
  const difference = computeDifference(desired, {
    ...{ kernel, files, networkd, ledger: recorded, settling, unreloaded: new Set<string>(), offered, unread },
  });
  return { desired, difference };
}

it(
  'decides the same',
  () => {
    fc.assert(
      fc.property(
        eniList,
        storyEvents,
        foreignLinks,
        foreignAddresses,
        fc.option(fc.constantFrom('foreign1000', 'foreign1001')),
        fc.boolean(),
        (enis, events, links, addresses, vrf, isEnslaved) => {
          const story = new Story(enis);
          for (const event of events) {
            story.play(event);
            const { state } = story.world;
            const interfaces = vrf === null ? [] : [{ match: { device: 1 }, policy: { vrf } }];
            const config = { ...defaultConfig, interfaces };
            const own = state.links.map((link, place) =>
              isEnslaved && place === 1 ? { ...link, masterIndex: links[0]?.index ?? null } : link,
            );
            const all = {
              ...state,
              config,
              links: [...own, ...links],
              addresses: [...state.addresses, ...addresses],
            };
            const { desired, difference } = new ModelWorld(all).decide();
            expect({ desired, difference }).toEqual(decideUnfiltered(new ModelWorld(all)));
          }
        },
      ),
      { numRuns: countRuns(25) },
    );
  },
  limitRuns(25),
);
