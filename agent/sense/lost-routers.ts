/**
 * Who removed the default routes of router advertisements. systemd-networkd adds them from its
 * netlink port, and their protocol says so. A route that the same port removes, and nobody adds
 * again, was dropped by networkd; one that another port removes is drift. If no route was added
 * since this program started, networkd's port is not known, because an advertisement that renews a
 * route causes no event. Then any port that belongs to a listening program counts, which ip(8) is
 * not.
 */

import { defaultDestination } from '../../lib/ip/default-route.ts';
import type { RtnetlinkEvent } from '../../lib/rtnetlink/types.ts';
import type { LostRouter } from '../model.ts';
import { isListeningPort } from './netlink-ports.ts';

/** RTPROT_RA (linux/rtnetlink.h). */
const routerAdvertisementProtocol = 9;
/** Above this number the oldest is forgotten: its route is then restored like any drift. */
const mostLost = 256;

export class LostRouters {
  readonly #isListening: (portId: number) => boolean;
  readonly #lost = new Map<string, LostRouter>();
  #list: readonly LostRouter[] = [];
  #maker: number | null = null;

  constructor(isListening: (portId: number) => boolean = isListeningPort) {
    this.#isListening = isListening;
  }

  /** The same list until something changed. */
  list(): readonly LostRouter[] {
    return this.#list;
  }

  /** In the kernel's order. */
  receive(events: readonly RtnetlinkEvent[], nowMs: number): void {
    let isChanged = false;
    for (const event of events) isChanged = this.#take(event, nowMs) || isChanged;
    if (isChanged) this.#list = [...this.#lost.values()];
  }

  #take(event: RtnetlinkEvent, nowMs: number): boolean {
    if (event.kind !== 'route' || event.route.protocol !== routerAdvertisementProtocol) return false;
    const { change, route, portId } = event;
    // One in the place of another is enid's, which gives it another MTU and leaves it its mark.
    const isMade = change === 'new' && !event.isReplacement;
    if (isMade && portId !== undefined && portId !== 0) this.#maker = portId;
    if (route.destination !== defaultDestination[6]) return false;
    let isChanged = false;
    for (const { linkIndex, gateway } of route.paths ?? [route]) {
      if (linkIndex === null || gateway === null) continue;
      const key = `${linkIndex} ${gateway}`;
      // The first of several tables counts; a route by the router in any of them ends its loss.
      if (change === 'new') isChanged = this.#lost.delete(key) || isChanged;
      else if (this.#isMaker(portId) && !this.#lost.has(key)) {
        this.#lost.set(key, { linkIndex, gateway, lostMs: nowMs });
        isChanged = true;
      }
    }
    for (const key of this.#lost.keys()) if (this.#lost.size > mostLost) this.#lost.delete(key);
    return isChanged;
  }

  #isMaker(portId: number | undefined): boolean {
    if (portId === undefined || portId === 0) return false;
    return this.#maker === null ? this.#isListening(portId) : portId === this.#maker;
  }
}
