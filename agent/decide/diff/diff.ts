/**
 * The changes from the actual to the desired state, in the order they are to be applied.
 * Invariants: an object is removed only if it is our own by mark or ledger and what is desired for
 * its ENI is known; a foreign object is never changed.
 */

import type { Change, Desired, KernelState, Ledger, NetworkdState, TableRecord } from '../../model.ts';
import { rememberLast } from '../base/memo.ts';
import { holdProvisional } from '../desired/provisional.ts';
import type { OwnFile } from '../desired/unit-directory.ts';
import { AddressDiffer } from './addresses.ts';
import { diffAltNames } from './alt-names.ts';
import { diffFiles } from './files.ts';
import { diffLeases, isFileInForce } from './leases.ts';
import { diffGroups, diffSettings, diffUnreloaded } from './link-settings.ts';
import { type Conflict, Ownership } from './ownership.ts';
import { diffReplies } from './reply-table.ts';
import { diffRoutes } from './routes.ts';
import { diffRules } from './rules.ts';
import { diffVrfs } from './vrf.ts';

export interface Actual {
  readonly kernel: KernelState;
  /** Our files in the unit directory. */
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /**
   * MACs of links that networkd was just told to configure: enid does not create what networkd is
   * about to create.
   */
  readonly settling: ReadonlySet<string>;
  /**
   * MACs of links whose reload networkd refuses or does not answer: what it would make is made
   * beside it.
   */
  readonly unreloaded: ReadonlySet<string>;
  /** Files that a reload has made known to networkd since it started. */
  readonly offered: ReadonlySet<string>;
  /** MACs of ENIs whose files were written while networkd was away. */
  readonly unread: ReadonlySet<string>;
  /** The table that marks replies; null: there is none. No key: it could not be read. */
  readonly replyTable?: TableRecord | null;
  /** False: the metadata is remembered, and the service has not confirmed it. No key: it has. */
  readonly isConfirmed?: boolean;
}

export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The step from actual to desired. No changes: converged. */
export function computeDifference(desired: Desired, actual: Actual): Difference {
  return new Differ().compute(desired, actual);
}

/**
 * Like `computeDifference`, with each part computed again only if its own input has changed: most
 * events concern one kind.
 */
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
  readonly #replies = rememberLast(diffReplies);

  /**
   * `links`: those of the kernel; the same object as long as only alternative names and settings
   * differ.
   */
  compute(desired: Desired, actual: Actual, links = actual.kernel.links): Difference {
    const { kernel, networkd, ledger } = actual;
    const { addresses, routes, rules } = kernel;
    const ownership = this.#ownership({ desired, links, ledger });
    const fileChanges = diffFiles(desired, actual);
    const { unreloaded } = actual;
    const reloaded = fileChanges
      .filter(({ kind, mac }) => kind === 'reload' && !unreloaded.has(mac))
      .map(({ mac }) => mac);
    const settling = addAll(actual.settling, reloaded);
    // For a link that is already configured, routes and rules are added before networkd removes the
    // previous ones.
    const isNew = (mac: string) => desired.enis.some((eni) => eni.mac === mac && !isFileInForce(eni, networkd));
    const untouched = addAll(actual.settling, reloaded.filter(isNew));
    const ofAddresses = this.#addresses({ desired, addresses, ledger, settling, ownership });
    const ofRoutes = this.#routes({ desired, routes, addresses, ledger, settling: untouched, ownership });
    const ofReplies = this.#replies({ desired, table: actual.replyTable, isConfirmed: actual.isConfirmed !== false });
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
      ...ofReplies.changes,
      ...this.#leases({ desired, links, addresses, routes, networkd, ledger, settling, unreloaded }),
    ];
    changes.sort((left, right) => placeOf(left) - placeOf(right));
    const conflicts = [...ofAddresses.conflicts, ...ofRoutes.conflicts, ...ofReplies.conflicts];
    return { changes: holdProvisional(changes, settling), conflicts };
  }
}

/** The same object if nothing is added. */
function addAll(before: ReadonlySet<string>, added: readonly string[]): ReadonlySet<string> {
  return added.length === 0 ? before : new Set([...before, ...added]);
}

/**
 * Routes before rules before addresses, and the reverse for removals, so that no packet has an
 * address without its route; additions before removals, so that merged rules replace each other
 * without a gap.
 */
const order = [
  'write-file',
  // Before networkd reads the files: of two files for a renamed link the first by name would win.
  'remove-file',
  // Before the rules that depend on it.
  'set-link-group',
  // A link is configured before its routes.
  'set-mtu',
  'set-dns',
  // The stand-in for a router's route is added before networkd drops the advertised one, and
  // another table before its rules.
  'add-route',
  // Behind the routes into the VPC, to which the smaller MTU does not apply.
  'set-route-mtu',
  'add-rule',
  // What marks packets comes after the rules for the mark, and goes before them.
  'set-replies',
  'remove-replies',
  'reload',
  'set-link-setting',
  // Before the routes that depend on it.
  'set-master',
  'add-alt-name',
  'add-address',
  'set-address-metric',
  'move-address',
  'remove-address',
  'remove-rule',
  'remove-route',
  'remove-alt-name',
] as const satisfies readonly Change['kind'][];

/** A kind of change that has no place does not compile. */
function placeOf({ kind }: { readonly kind: (typeof order)[number] }): number {
  return order.indexOf(kind);
}
