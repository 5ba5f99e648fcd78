/** What an ENI is to have whatever the kernel holds: it follows from metadata, configuration and link. Pure. */

import type { InterfacePolicy } from '../../config/types.ts';
import type { DesiredAddress, DesiredEni, DesiredRoute, EniMetadata, Link, NetworkFile } from '../../model.ts';
import { rememberEach } from '../base/memo.ts';
import { computeEniNumber, computeMetric, mainTable } from '../base/numbers.ts';
import {
  computeAddresses,
  computeAltNames,
  computeLease,
  computeLocalRoutes,
  computeSubnetRoutes,
} from './eni-objects.ts';
import { computeSettings } from './link-settings.ts';
import { renderNetworkFiles } from './network-file.ts';
import { computeGuardRules, computeSelectRules } from './select.ts';
import { computeRules, type Situation } from './sources.ts';

export interface Declaration extends Pick<DesiredEni, 'rules' | 'altNames' | 'settings' | 'lease'> {
  readonly addresses: readonly DesiredAddress[];
  /** Of the ENI's own table. */
  readonly subnetRoutes: readonly DesiredRoute[];
  readonly localRoutes: readonly DesiredRoute[];
}

interface EniNumbers {
  readonly eniNumber: number;
  readonly tableId: number;
  /** Where lease and router advertisement have their routes: main, or the table of the VRF. */
  readonly leaseTable: number;
  readonly metric: number;
}

/** Where an ENI's routes stand: the operator's word, else the formulas. */
export function computeNumbers(eni: EniMetadata, { table, metric, vrf }: InterfacePolicy): EniNumbers {
  const eniNumber = computeEniNumber(eni);
  const tableId = table ?? eniNumber;
  const leaseTable = vrf === null ? mainTable : tableId;
  return { eniNumber, tableId, leaseTable, metric: metric ?? computeMetric(eni) };
}

/**
 * Done once for an ENI while nothing of it changes: hundreds of addresses, and most passes are
 * about one route. `situation`: a `Situation` as JSON text. `isSelecting`: another ENI's policy has
 * `select:`.
 */
export const declareEni = rememberEach(
  (eni: EniMetadata, link: Link, policy: InterfacePolicy, situation: string, isSelecting: boolean): Declaration => {
    const { manage } = policy;
    const { eniNumber, tableId, leaseTable, metric } = computeNumbers(eni, policy);
    const isManaged = manage === 'full';
    const isRouted = (isManaged || manage === 'rules') && policy.rules !== 'none';
    const known: Situation = JSON.parse(situation);
    const rules = isRouted
      ? [
          ...computeRules({ eni, policy, eniNumber, tableId, situation: known }),
          ...computeSelectRules(policy.select, { eniNumber, tableId }),
        ]
      : [];
    const hasGuard = known.primary !== null && manage !== 'none' && manage !== 'names' && isSelecting;
    return {
      addresses: isManaged ? computeAddresses(eni, link, policy) : [],
      rules: hasGuard ? [...rules, ...computeGuardRules(eni)] : rules,
      subnetRoutes: isRouted ? computeSubnetRoutes(eni, link, tableId, metric) : [],
      localRoutes: isManaged ? computeLocalRoutes(eni, link, { policy, tableId }) : [],
      altNames: computeAltNames(eni),
      settings: isManaged || manage === 'rules' ? computeSettings(policy) : {},
      lease: isManaged ? computeLease(eni, policy, { leaseTable, metric }) : null,
    };
  },
);

/** networkd's files for it. `makesVrf`: its VRF is not the operator's. */
export const renderEach = rememberEach(
  (
    eni: EniMetadata,
    prefix: string,
    link: Link,
    isPrimary: boolean,
    networkdVersion: number | null,
    policy: InterfacePolicy,
    { addresses, rules, subnetRoutes, localRoutes }: Declaration,
    furtherRoutes: readonly DesiredRoute[],
    makesVrf: boolean,
    group: number | null,
  ): NetworkFile[] => {
    const { tableId, metric } = computeNumbers(eni, policy);
    const routes = [...subnetRoutes, ...localRoutes, ...furtherRoutes];
    const host = { link, isPrimary, networkdVersion, makesVrf, group };
    return renderNetworkFiles(prefix, { eni, policy, tableId, metric, ...host, addresses, routes, rules });
  },
);
