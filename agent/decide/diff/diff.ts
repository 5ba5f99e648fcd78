/**
 * What separates the actual from the desired state, in the order it is to be applied. Invariants: an object is removed
 * only where it is our own by mark or ledger and what is desired for its ENI is known; a foreign object is never changed.
 */

import type { Change, Desired, KernelState, Ledger, NetworkdState } from '../../model.ts';
import { rememberLast } from '../base/memo.ts';
import { holdProvisional } from '../desired/provisional.ts';
import type { OwnFile } from '../desired/unit-directory.ts';
import { AddressDiffer } from './addresses.ts';
import { diffAltNames } from './alt-names.ts';
import { diffFiles } from './files.ts';
import { diffLeases, isFileInForce } from './leases.ts';
import { diffGroups, diffSettings, diffUnreloaded } from './link-settings.ts';
import { type Conflict, Ownership } from './ownership.ts';
import { diffRoutes } from './routes.ts';
import { diffRules } from './rules.ts';
import { diffVrfs } from './vrf.ts';

export interface Actual {
  readonly kernel: KernelState;
  /** Files of ours in the unit directory. */
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure: enid does not create what networkd is about to create. */
  readonly settling: ReadonlySet<string>;
  /** Files that a reload has offered to networkd in its present run. */
  readonly offered: ReadonlySet<string>;
  /** MACs of ENIs whose files were written while networkd was away. */
  readonly unread: ReadonlySet<string>;
}

export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The step from actual to desired. No changes: converged. */
export function computeDifference(desired: Desired, actual: Actual): Difference {
  return new Differ().compute(desired, actual);
}

/** As `computeDifference`, with each part computed again only where its own input has changed: most events concern one kind. */
export class Differ {
  readonly #ownership = rememberLast(
    (known: Pick<Actual, 'ledger'> & { readonly desired: Desired; readonly links: KernelState['links'] }) =>
      new Ownership(known),
  );
  readonly #settings = rememberLast(diffSettings);
  readonly #groups = rememberLast(diffGroups);
  readonly #vrfs = rememberLast(diffVrfs);
  readonly #altNames = rememberLast(diffAltNames);
  readonly #addressDiffer = new AddressDiffer();
  readonly #addresses = rememberLast((known: Parameters<AddressDiffer['compute']>[0]) =>
    this.#addressDiffer.compute(known),
  );
  readonly #routes = rememberLast(diffRoutes);
  readonly #rules = rememberLast(diffRules);
  readonly #leases = rememberLast(diffLeases);

  /** `links`: those of the kernel, as the same object while nothing differs but alternative names and settings. */
  compute(desired: Desired, actual: Actual, links = actual.kernel.links): Difference {
    const { kernel, networkd, ledger } = actual;
    const { addresses, routes, rules } = kernel;
    const ownership = this.#ownership({ desired, links, ledger });
    const fileChanges = diffFiles(desired, actual);
    const reloaded = fileChanges.filter(({ kind }) => kind === 'reload').map(({ mac }) => mac);
    const settling = addAll(actual.settling, reloaded);
    // Of a link that is configured already, routes and rules are made before networkd lets go of those that it had.
    const isNew = (mac: string) => desired.enis.some((eni) => eni.mac === mac && !isFileInForce(eni, networkd));
    const untouched = addAll(actual.settling, reloaded.filter(isNew));
    const ofAddresses = this.#addresses({ desired, addresses, ledger, settling, ownership });
    const ofRoutes = this.#routes({ desired, routes, addresses, ledger, settling: untouched, ownership });
    const changes = [
      ...fileChanges,
      ...this.#settings({ desired, links: kernel.links }),
      ...this.#groups({ desired, links }),
      ...diffUnreloaded(desired, links, { ...actual, settling }),
      ...this.#vrfs({ desired, links, networkd, settling }),
      ...this.#altNames({ desired, links: kernel.links, ledger, ownership }),
      ...ofAddresses.changes,
      ...ofRoutes.changes,
      ...this.#rules({ desired, rules, ledger, settling: untouched, ownership }),
      ...this.#leases({ desired, links, addresses, routes, networkd, ledger, settling }),
    ];
    changes.sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
    const conflicts = [...ofAddresses.conflicts, ...ofRoutes.conflicts];
    return { changes: holdProvisional(changes, settling), conflicts };
  }
}

/** The same object where nothing is added. */
function addAll(before: ReadonlySet<string>, added: readonly string[]): ReadonlySet<string> {
  return added.length === 0 ? before : new Set([...before, ...added]);
}

/**
 * Ways before rules before addresses, and the reverse when they go, so that no packet meets an address without its way
 * out; additions before removals, so that merged rules change hands without a gap.
 */
const order: readonly Change['kind'][] = [
  'write-file',
  // Before networkd reads them: of two files for a renamed link the first by name would win.
  'remove-file',
  // Before the rules that tell ENIs by it.
  'set-link-group',
  // A link is as it shall be before its routes are.
  'set-mtu',
  'set-dns',
  // An IPv6 router's stand-in is there before networkd drops the advertised route, and another table before its rules.
  'add-route',
  'add-rule',
  'reload',
  'set-link-setting',
  // Before the routes that go with it.
  'set-master',
  'add-alt-name',
  'add-address',
  'set-address-metric',
  'move-address',
  'remove-address',
  'remove-rule',
  'remove-route',
  'remove-alt-name',
];
