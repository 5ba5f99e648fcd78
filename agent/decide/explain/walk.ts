/**
 * The kernel's walk: rules by priority, in each table the longest prefix, and what a rule
 * suppresses. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { CidrIndex, contains, hostCidr, requireCidr } from '../../../lib/ip/cidr.ts';
import type { DesiredRoute, DesiredRule, Route, Rule } from '../../model.ts';
import { groupBy } from '../base/group-by.ts';

/** A packet that is asked about. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  /** Where it comes in by, for one that this host forwards; null: this host sends it. */
  readonly inputLink: string | null;
  /** User id of the sender. */
  readonly userId: number;
  /** No key: none. */
  readonly mark?: number;
}

/** What is walked over: the kernel's rules and routes, or the desired ones. */
export interface Ground {
  readonly rules: RuleList;
  readonly routes: Pick<RouteTables, 'pick'>;
  /** The link group of a link; null: no such link. */
  readonly groupOf: (linkIndex: number | null) => number | null;
}

export interface Step {
  readonly rule: Rule | DesiredRule;
  readonly route: Route | DesiredRoute;
  /** The rule's table has the route, and the rule itself forbids it. */
  readonly isSuppressed: boolean;
}

/**
 * Each rule that holds for the packet and whose table has a route for it; the first one that is not
 * suppressed decides.
 */
export function* walk(packet: Packet, { rules, routes, groupOf }: Ground): Generator<Step> {
  for (const rule of rules.listFor(packet.source)) {
    if (!isSelected(packet, rule)) continue;
    const route = routes.pick(packet.destination, rule.table);
    if (route !== null) yield { rule, route, isSuppressed: isSuppressed(rule, route, groupOf) };
  }
}

/**
 * Applies to the result, not to each route: if the best route is suppressed, the next rule is tried
 * (fib4_rule_suppress).
 */
function isSuppressed(rule: Rule | DesiredRule, route: Route | DesiredRoute, groupOf: Ground['groupOf']): boolean {
  if (requireCidr(route.destination).length <= (rule.suppressPrefixLength ?? -1)) return true;
  return rule.suppressGroup !== null && groupOf(route.linkIndex) === rule.suppressGroup;
}

function isSelected(packet: Packet, rule: Rule | DesiredRule): boolean {
  // An unmarked packet has mark 0.
  const isMarked = rule.mark === null || ((packet.mark ?? 0) & rule.mark.mask) >>> 0 === rule.mark.value;
  const isUser =
    rule.users === null ||
    (packet.inputLink === null && rule.users.first <= packet.userId && packet.userId <= rule.users.last);
  return (
    (rule.destination === null || contains(rule.destination, hostCidr(packet.destination))) &&
    (rule.inputInterface === null || rule.inputInterface === (packet.inputLink ?? 'lo')) &&
    (!('outputInterface' in rule) || rule.outputInterface === null) &&
    isMarked &&
    isUser
  );
}

/** Rules by priority, indexed by source: finds the rules for one source without scanning all. */
export class RuleList<T extends Rule | DesiredRule = Rule | DesiredRule> {
  readonly #rules: readonly T[];
  readonly #index: CidrIndex;
  /** Source prefix, or the family where a rule has none → places in the list. */
  readonly #places: ReadonlyMap<string, readonly number[]>;

  constructor(rules: readonly T[]) {
    // Stable: of one priority, the first one counts.
    this.#rules = [...rules].sort((left, right) => left.priority - right.priority);
    const keyed = this.#rules.map((rule, place) => ({ key: rule.source ?? `all ${rule.family}`, place }));
    this.#places = new Map(
      [...groupBy(keyed, ({ key }) => key)].map(([key, list]) => [key, list.map(({ place }) => place)]),
    );
    this.#index = new CidrIndex([...new Set(rules.flatMap(({ source }) => source ?? []))]);
  }

  /** Those whose `from` holds the source, in the kernel's order. */
  listFor(source: string): T[] {
    const keys = [`all ${familyOf(source)}`, ...this.#index.find(source)];
    const places = keys.flatMap((key) => this.#places.get(key) ?? []);
    return places.sort((left, right) => left - right).flatMap((place) => this.#rules[place] ?? []);
  }
}

/** The longest prefix, then the lowest metric, then the first one. */
export function pickBest<T extends Route | DesiredRoute>(routes: readonly T[]): T | null {
  const lengthOf = ({ destination }: T) => requireCidr(destination).length;
  const compare = (one: T, other: T) => lengthOf(one) - lengthOf(other) || other.metric - one.metric;
  return routes.reduce<T | null>((best, one) => (best === null || compare(one, best) > 0 ? one : best), null);
}

/** Routes by table; each table is indexed with its first look-up. */
export class RouteTables {
  readonly #tables: ReadonlyMap<number, readonly (Route | DesiredRoute)[]>;
  readonly #indexes = new Map<number, { index: CidrIndex; best: Map<string, Route | DesiredRoute> }>();

  constructor(routes: readonly (Route | DesiredRoute)[]) {
    this.#tables = groupBy(routes, ({ table }) => table);
  }

  /** The longest prefix, then the lowest metric. */
  pick(destination: string, table: number): Route | DesiredRoute | null {
    const { index, best } = this.#indexOf(table);
    let picked: string | null = null;
    for (const prefix of index.find(destination)) {
      if (picked === null || requireCidr(prefix).length > requireCidr(picked).length) picked = prefix;
    }
    return picked === null ? null : (best.get(picked) ?? null);
  }

  #indexOf(table: number) {
    const known = this.#indexes.get(table);
    if (known !== undefined) return known;
    const best = new Map<string, Route | DesiredRoute>();
    for (const route of this.#tables.get(table) ?? []) {
      const other = best.get(route.destination);
      if (other === undefined || route.metric < other.metric) best.set(route.destination, route);
    }
    const made = { index: new CidrIndex([...best.keys()]), best };
    this.#indexes.set(table, made);
    return made;
  }
}
