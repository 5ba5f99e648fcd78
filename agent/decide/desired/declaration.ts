/**
 * The desired objects of an ENI that do not depend on the kernel's state: from metadata,
 * configuration and link. Pure.
 */

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
import { computeMtuOutside } from './outside.ts';
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

/** The table and metric of an ENI's routes: as configured, else by the formulas. */
export function computeNumbers(eni: EniMetadata, { table, metric, vrf }: InterfacePolicy): EniNumbers {
  const eniNumber = computeEniNumber(eni);
  const tableId = table ?? eniNumber;
  const leaseTable = vrf === null ? mainTable : tableId;
  return { eniNumber, tableId, leaseTable, metric: metric ?? computeMetric(eni) };
}

interface DeclarationInput {
  readonly link: Link;
  readonly policy: InterfacePolicy;
  /** A `Situation` as JSON text, so that equal ones compare equal. */
  readonly situation: string;
  /** Another ENI's policy has `select:`. */
  readonly isSelecting: boolean;
}

/**
 * Computed once for an ENI while its input is unchanged: it may have hundreds of addresses, and
 * most passes concern one route.
 */
export const declareEni = rememberEach((eni: EniMetadata, input: DeclarationInput): Declaration => {
  const { link, policy, isSelecting } = input;
  const { manage } = policy;
  const { eniNumber, tableId, leaseTable, metric } = computeNumbers(eni, policy);
  const isManaged = manage === 'full';
  const isRouted = (isManaged || manage === 'rules') && policy.rules !== 'none';
  const situation: Situation = JSON.parse(input.situation);
  const rules = isRouted
    ? [
        ...computeRules({ eni, policy, eniNumber, tableId, situation }),
        ...computeSelectRules(policy.select, { eniNumber, tableId }),
      ]
    : [];
  const hasGuard = situation.primary !== null && manage !== 'none' && manage !== 'names' && isSelecting;
  return {
    addresses: isManaged ? computeAddresses(eni, link, policy) : [],
    rules: hasGuard ? [...rules, ...computeGuardRules(eni)] : rules,
    subnetRoutes: isRouted ? computeSubnetRoutes(eni, link, tableId, metric) : [],
    localRoutes: isManaged ? computeLocalRoutes(eni, link, { policy, tableId }) : [],
    altNames: computeAltNames(eni),
    settings: isManaged || manage === 'rules' ? computeSettings(policy) : {},
    lease: isManaged ? computeLease(eni, policy, { link, leaseTable, metric }) : null,
  };
});

interface FileInput {
  readonly prefix: string;
  readonly link: Link;
  readonly isPrimary: boolean;
  readonly networkdVersion: number | null;
  readonly policy: InterfacePolicy;
  readonly declared: Declaration;
  /** To the blocks of its VPC, in its table. */
  readonly insideRoutes: readonly DesiredRoute[];
  readonly operatorRoutes: readonly DesiredRoute[];
  /** The VRF is made by networkd from our files, not by the operator. */
  readonly makesVrf: boolean;
  readonly group: number | null;
  readonly kernelHasIpv6: boolean;
}

/** networkd's files for it. */
export const renderEach = rememberEach(
  (eni: EniMetadata, { prefix, policy, declared, insideRoutes, operatorRoutes, ...host }: FileInput): NetworkFile[] => {
    const { tableId, metric } = computeNumbers(eni, policy);
    const { addresses, rules, subnetRoutes, localRoutes } = declared;
    const routes = [...subnetRoutes, ...localRoutes, ...insideRoutes, ...operatorRoutes];
    const mtuOutside = computeMtuOutside(eni, host.link, policy);
    const ofEni = { eni, policy, tableId, metric, mtuOutside };
    return renderNetworkFiles(prefix, { ...ofEni, ...host, addresses, routes, rules });
  },
);
