import type { Key64 } from '../event.ts';
import type { CellDimensions, WaitingClick } from '../judgement/judgement.ts';
import type { WaitingEntry } from './waiting-pages.ts';

/** A waiting click in RAM. */
export type Resident = WaitingEntry & { isNew: boolean };

/** By name: a click that was counted twice (its id came again after the retry window) may bear the same one. */
type Crowd = Map<string, Resident[]>;

/**
 * Waiting clicks by 52 bits of their join key; who asks compares the full key. An impression id is nearly always claimed by one click, which then
 * stands there by itself; a crowd has a map of its own, so that letting one of them go does not look at the others. Some 250 bytes a click
 * in workerd: clicks of an ad share their cell.
 */
export class ClickSlots {
  readonly #slots = new Map<number, Resident | Crowd>();
  readonly #cells = new Map<string, CellDimensions>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes a click in, and says as what it is held. */
  add({ join, click }: WaitingEntry, isNew: boolean): Resident {
    const entry = { join, click: { ...click, cell: this.#shared(click.cell) }, isNew };
    const slot = slotOf(join);
    const held = this.#slots.get(slot);
    this.#count++;
    if (held === undefined) {
      this.#slots.set(slot, entry);
      return entry;
    }
    const crowd: Crowd = held instanceof Map ? held : new Map([[nameOf(held.click), [held]]]);
    if (crowd !== held) this.#slots.set(slot, crowd);
    const copies = crowd.get(nameOf(click));
    if (copies === undefined) crowd.set(nameOf(click), [entry]);
    else copies.push(entry);
    return entry;
  }

  /** All clicks whose join key may be this one. */
  at(join: Key64): readonly Resident[] {
    const held = this.#slots.get(slotOf(join));
    return held === undefined ? NONE : residentsOf(held);
  }

  /** Lets one copy of a click go; undefined where there is none. */
  remove(join: Key64, click: WaitingClick): Resident | undefined {
    const slot = slotOf(join);
    const held = this.#slots.get(slot);
    if (held === undefined) return undefined;
    const copies = held instanceof Map ? (held.get(nameOf(click)) ?? []) : [held];
    const at = copies.findIndex((entry) => sameKey(entry.join, join) && nameOf(entry.click) === nameOf(click));
    if (at < 0) return undefined;
    const [removed] = copies.splice(at, 1);
    this.#count--;
    if (copies.length === 0 && held instanceof Map) held.delete(nameOf(click));
    if (!(held instanceof Map) || held.size === 0) this.#slots.delete(slot);
    return removed;
  }

  /** The clicks of one key after another; a walk that is under way bears additions and removals. */
  *keys(): Generator<readonly Resident[], undefined> {
    for (const held of this.#slots.values()) yield residentsOf(held);
  }

  /** One object for equal cells: each would be eight strings. */
  #shared(cell: CellDimensions): CellDimensions {
    const name = Object.values(cell).join('\n');
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    if (this.#cells.size >= SHARED_CELLS_MAX) this.#cells.clear();
    this.#cells.set(name, cell);
    return cell;
  }
}

/** Cells that are kept to be shared; beyond, the cache starts anew. */
const SHARED_CELLS_MAX = 10_000;

const NONE: readonly Resident[] = [];

export function sameKey(a: Key64, b: Key64): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}

function residentsOf(held: Resident | Crowd): readonly Resident[] {
  return held instanceof Map ? [...held.values()].flat() : [held];
}

/** Exact in a number. */
function slotOf(key: Key64): number {
  return key.hi * 0x10_0000 + (key.lo & 0xf_ffff);
}

function nameOf(click: WaitingClick): string {
  return `${click.id.lo}:${click.id.hi}:${click.eventTimeMs}`;
}
