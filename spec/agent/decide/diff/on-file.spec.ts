import { expect, it } from '@jest/globals';
import { readDeclared } from '../../../../agent/decide/diff/on-file.ts';
import { findCandidates } from '../../../../agent/decide/inputs/match-links.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';

it('takes what a file declares for ours on the ENI’s link only, not on links that repeat its MAC', () => {
  const mac = '02:00:00:00:00:01';
  const links = [
    makeLink({ index: 2, name: 'ens6', mac }),
    makeLink({ index: 900, name: 'ipvl0', mac, permanentMac: null, kind: 'ipvlan' }),
  ];
  const candidates = findCandidates({ links, drivers: new Map([[2, 'ena']]) }, ['ena']);
  const file = { name: '70-ens6.network.d/sources.conf', text: '[Address]\nAddress=10.0.1.11/32\n', mac };
  expect(readDeclared({ files: [file], candidates })).toEqual({ 'address 2 10.0.1.11': mac });
});
