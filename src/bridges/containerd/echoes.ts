/**
 * What was sent to a daemon and comes back from it. containerd passes on four fields of an envelope and no header, so an
 * event of our own is known by its content.
 */
import { RecentEvents } from '../recent-events.js';

const REMEMBER_MS = 60_000;
const REMEMBER_EVENTS = 65_536;

export type Echoes = RecentEvents<true>;

const byBus = new WeakMap<object, Map<string, Echoes>>();

/** What the bridges between one bus and one daemon share. */
export function echoesOf(bus: object, path: string): Echoes {
  let ofBus = byBus.get(bus);
  if (ofBus === undefined) byBus.set(bus, (ofBus = new Map()));
  let echoes = ofBus.get(path);
  if (echoes === undefined) ofBus.set(path, (echoes = new RecentEvents(REMEMBER_MS, REMEMBER_EVENTS)));
  return echoes;
}

/** The origin of what comes in from a daemon, whatever the name of the bridge. */
export function originOf(path: string): string {
  return `containerd:${path}`;
}
