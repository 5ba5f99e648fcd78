/** Kernel messages as events: pure, so that tests can use captured bytes. */

import { decodeAddress } from './address.ts';
import {
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from './constants.ts';
import { decodeLink } from './link.ts';
import { decodeReversePathFilter } from './link-settings.ts';
import { readPortId } from './message.ts';
import { decodeRoute, isWantedRoute, type RouteFilter } from './route.ts';
import { decodeRule } from './rule.ts';
import type { RtnetlinkEvent } from './types.ts';

/**
 * The event of one message, whose header is before `start`; null for messages that concern no link,
 * setting, address, route or rule, or an unwanted route.
 */
export function decodeEvent(
  type: number,
  flags: number,
  buffer: Buffer,
  start: number,
  end: number,
  filter: RouteFilter,
): RtnetlinkEvent | null {
  switch (type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      if (!isWantedRoute(filter, buffer, start, end)) return null;
      const route = decodeRoute(buffer, start, end);
      if (route === null) return null;
      const change = type === RTM_NEWROUTE ? 'new' : 'delete';
      const isReplacement = change === 'new' && (flags & NLM_F_REPLACE) !== 0;
      return { kind: 'route', change, route, isReplacement, portId: readPortId(buffer, start) };
    }
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(buffer, start, end);
      return link === null ? null : { kind: 'link', change: type === RTM_NEWLINK ? 'new' : 'delete', link };
    }
    case RTM_NEWNETCONF: {
      const setting = decodeReversePathFilter(buffer, start, end);
      return setting === null ? null : { kind: 'setting', change: 'new', setting };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(buffer, start, end);
      if (address === null) return null;
      const change = type === RTM_NEWADDR ? 'new' : 'delete';
      return { kind: 'address', change, address, portId: readPortId(buffer, start) };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(buffer, start, end);
      return rule === null ? null : { kind: 'rule', change: type === RTM_NEWRULE ? 'new' : 'delete', rule };
    }
    default:
      return null;
  }
}
