/** Parts of bodies that are still coming, all together. Beyond it the oldest gives way: whoever has been sending longest sends slowest. */
export const MAX_ARRIVING_BYTES = 16 * 1024 * 1024;
const MIN_ROOM_BYTES = 16_384;
/** A body that grows out of its room gets so many times what has come, or all that was announced. */
const GROWTH = 4;

/** Room for bodies while they come: senders who stop halfway hold what they have sent, and only until others need it. */
export class BodyArrivals {
  readonly #maxBytes: number;
  /** In order of their beginnings. */
  readonly #arrivals = new Set<Arrival>();
  #bytes = 0;

  constructor(maxBytes = MAX_ARRIVING_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** What all of them have sent. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** `announcedBytes`: what its sender says that it will be; 0 = he does not say. */
  begin(announcedBytes = 0): Arrival {
    const room = { grow: (byteCount: number) => this.#grow(arrival, byteCount), leave: () => this.#leave(arrival) };
    const arrival: Arrival = new Arrival(room, announcedBytes);
    return arrival;
  }

  #grow(arrival: Arrival, byteCount: number): void {
    this.#arrivals.add(arrival);
    this.#bytes += byteCount;
    for (const oldest of this.#arrivals) {
      if (this.#bytes <= this.#maxBytes) return;
      oldest.giveWay();
    }
  }

  #leave(arrival: Arrival): void {
    if (this.#arrivals.delete(arrival)) this.#bytes -= arrival.byteLength;
  }
}

type Room = { grow(byteCount: number): void; leave(): void };

/** One body on its way. */
export class Arrival {
  readonly #room: Room;
  readonly #announcedBytes: number;
  #bytes = new Uint8Array(0);
  #byteLength = 0;
  #gaveWay = false;

  constructor(room: Room, announcedBytes: number) {
    this.#room = room;
    this.#announcedBytes = announcedBytes;
  }

  /** What has come. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes a copy of the next part; false when this body had to give way to others: it is gone. */
  add(part: Uint8Array): boolean {
    if (this.#gaveWay) return false;
    const byteLength = this.#byteLength + part.length;
    if (byteLength > this.#bytes.length) {
      const widest = Math.min(this.#announcedBytes || Number.POSITIVE_INFINITY, GROWTH * byteLength);
      const wider = new Uint8Array(Math.max(MIN_ROOM_BYTES, byteLength, widest));
      wider.set(this.#bytes.subarray(0, this.#byteLength));
      this.#bytes = wider;
    }
    this.#bytes.set(part, this.#byteLength);
    this.#byteLength = byteLength;
    this.#room.grow(part.length);
    return !this.#gaveWay;
  }

  /** All that has come; its room is free again. */
  end(): Uint8Array {
    this.#room.leave();
    return this.#bytes.subarray(0, this.#byteLength);
  }

  /** Lets go of what has come, though its sender may never be heard of again. */
  giveWay(): void {
    this.#room.leave();
    this.#gaveWay = true;
    this.#bytes = new Uint8Array(0);
    this.#byteLength = 0;
  }
}
