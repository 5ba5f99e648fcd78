/**
 * Removes exactly the given rules and routes. The kernel deletes the first object that matches a
 * request, and a selector that the request lacks matches anything. So the kernel is asked first
 * what it has, and no request is sent that would delete another object.
 */

import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { foretellDeletion, isSameRoute } from '../../lib/rtnetlink/route-match.ts';
import { findDeletedRule, isSameRule } from '../../lib/rtnetlink/rule-match.ts';
import { KernelError } from '../errors.ts';
import type { Change, Family, Route, Rule } from '../model.ts';
import { accept, type NetlinkActOptions } from './kernel-request.ts';
import { addRule } from './rules.ts';

export type Removal = Extract<Change, { kind: 'remove-rule' | 'remove-route' }>;

/** For removals that follow each other: the dump for the first one serves the others. */
export class Removals {
  readonly #client: RtnetlinkClient;
  readonly #protocol: number;
  readonly #rules = new Map<Family, Promise<Rule[]>>();
  readonly #routes = new Map<string, Promise<Route[]>>();

  constructor({ client, protocol }: NetlinkActOptions) {
    this.#client = client;
    this.#protocol = protocol;
  }

  /** True: it was there and is removed. False: it was not there. Rejects with a KernelError. */
  async remove(removal: Removal): Promise<boolean> {
    return removal.kind === 'remove-rule'
      ? this.#removeRule(removal.rule, removal.ownTwins ?? [])
      : this.#removeRoute(removal.route);
  }

  async #removeRule(rule: Rule, ownTwins: readonly Rule[]): Promise<boolean> {
    const rules = await this.#rulesOf(rule.family);
    for (;;) {
      if (!rules.some((one) => isSameRule(one, rule))) return false;
      const hit = findDeletedRule(rule, rules);
      if (hit === null) return false;
      const isMeant = isSameRule(hit, rule);
      if (!isMeant && !ownTwins.some((twin) => isSameRule(twin, hit))) throw shadowed(rule, hit);
      const isGone = await accept(['ENOENT'], this.#client.deleteRule(rule));
      rules.splice(rules.indexOf(hit), 1);
      if (isMeant) return isGone;
      // The rule that the kernel deletes instead is narrower: the given one takes its packets until
      // it is added again, behind.
      const again = { ...hit, protocol: this.#protocol };
      await addRule(again, this.#client);
      rules.push(again);
    }
  }

  async #removeRoute(route: Route): Promise<boolean> {
    const routes = await this.#routesOf(route);
    const foretold = foretellDeletion(route, routes);
    if (foretold.kind === 'absent') return false;
    if (foretold.kind === 'shadowed') {
      const subject = `route to ${route.destination} in table ${route.table}`;
      const message = `failed to delete ${subject}: the kernel would delete another program's route of the same metric in its place; remove that one by hand`;
      throw new KernelError('ROUTE_SHADOWED', subject, message);
    }
    const isGone = await accept(['ESRCH', 'ENODEV'], this.#client.deleteRoute(route));
    const position = routes.findIndex((one) => isSameRoute(one, route));
    if (position >= 0) routes.splice(position, 1);
    return isGone;
  }

  #rulesOf(family: Family): Promise<Rule[]> {
    const known = this.#rules.get(family) ?? this.#client.dumpRules(family);
    this.#rules.set(family, known);
    return known;
  }

  /**
   * The routes that a request can match: by the route's link, by several links or none, and routes
   * with IPv6 next hop objects by any link.
   */
  #routesOf({ family, table, linkIndex, protocol }: Route): Promise<Route[]> {
    const key = `${family} ${table} ${linkIndex} ${protocol}`;
    const filter = (_family: Family, one: number, link: number | null, other: number) =>
      one === table && (link === linkIndex || link === null || (family === 6 && other === protocol));
    const known = this.#routes.get(key) ?? this.#client.dumpRoutes(family, { filter });
    this.#routes.set(key, known);
    return known;
  }
}

function shadowed(rule: Rule, hit: Rule): KernelError {
  const subject = `rule ${rule.priority} from ${rule.source ?? 'all'}`;
  const further = [
    hit.outputInterface === null ? '' : ` oif ${hit.outputInterface}`,
    hit.inputInterface === null ? '' : ` iif ${hit.inputInterface}`,
  ].join('');
  const message = `failed to delete ${subject}: the kernel would delete another program's rule${further} of the same priority in its place; remove that one by hand`;
  return new KernelError('RULE_SHADOWED', subject, message);
}
