import { DISPOSITIONS } from '../../core/disposition.ts';
import { EVENT_FLAGS, type TrackedEvent } from '../../core/event.ts';
import { CatalogueCache } from '../../edge-worker/catalogue/catalogue-cache.ts';
import { AdEntry } from '../../edge-worker/catalogue/catalogue-view.ts';
import type { ShardDoor } from '../../edge-worker/ports.ts';
import { EventBatchReader } from '../../schemas/wire/event-batch.ts';
import { TokenVerifier } from '../../schemas/token.ts';
import { LANDING_URL } from '../hosts/catalogue.ts';
import { rewriteBatch, type Rewriting } from '../hosts/rewrite-batch.ts';
import { type Plant, patched } from './plant.ts';

const DAY_MS = 86_400_000;

export const EDGE_BUGS: readonly Plant[] = [
  {
    name: '202 before the commit',
    story: 'an edge acknowledges what it has only sent off',
    shardDoor: (door) => ({
      record: async (shard, batch, batchId) => {
        void door.record(shard, batch, batchId).catch(() => undefined);
        return new Uint8Array(new EventBatchReader(batch).eventCount).fill(DISPOSITIONS.counted);
      },
    }),
  },
  {
    name: 'batch sent again after silence',
    story: 'an edge repeats a batch by itself when its shard does not answer, then acknowledges the second',
    shardDoor: (door) => ({ record: (shard, batch, batchId) => door.record(shard, batch, batchId).catch(() => door.record(shard, batch, batchId)) }),
  },
  {
    name: 'token checked after redirect',
    story: 'the redirect is built before the signature is looked at',
    reply: ({ path, status, location }) => (path.startsWith('/v1/c/') && status === 404 ? { status: 302, location: LANDING_URL } : { status, location }),
  },
  {
    name: 'truncated MAC compared by its first byte',
    story: 'some forged tokens pass',
    patch: () => patched(TokenVerifier.prototype, 'verify', (verify) => {
      const genuine = new Map<string, string>();
      return function (this: TokenVerifier, text, purpose) {
        const verified = verify.call(this, text, purpose);
        if (verified.ok) genuine.set(text.slice(0, -20), text);
        const similar = verified.ok ? undefined : genuine.get(text.slice(0, -20));
        return similar === undefined ? verified : verify.call(this, similar, purpose);
      };
    }),
  },
  {
    name: 'home region is the POP’s',
    story: 'an event is counted where it came in, not where its ad lives',
    shardDoor: (door, { region }) => ({ record: (shard, batch, batchId) => door.record(shard.replace(/^(\w+)\.\w+\./, `$1.${region}.`), batch, batchId) }),
  },
  {
    name: 'epoch of today',
    story: 'the shard count in force now decides, not the one of the token’s issue',
    shardDoor: (door) => {
      let newest = 0;
      return {
        record: (shard, batch, batchId) => {
          newest = Math.max(newest, Number(/\.e(\d+)\./.exec(shard)?.[1] ?? 0));
          return door.record(shard.replace(/\.e\d+\./, `.e${newest}.`), batch, batchId);
        },
      };
    },
  },
  { name: 'news without end', story: 'an edge that hears nothing from its hub goes on as if nothing had changed', patch: () => patched(CatalogueCache.prototype, 'isInTouch', () => () => true) },
  { name: 'salts of today', story: 'an ad that is spread wider spreads the second copy of an event as well', patch: () => patched(AdEntry.prototype, 'placeAt', (placeAt) => function (this: AdEntry, timeMs: number) { return { ...placeAt.call(this, timeMs), salts: this.ad.salts }; }) },
  { name: 'region of today', story: 'an ad that moves takes the second copy of an event with it', patch: () => patched(AdEntry.prototype, 'placeAt', (placeAt) => function (this: AdEntry, timeMs: number) { return { ...placeAt.call(this, timeMs), homeRegion: this.homeRegion }; }) },
  {
    name: 'dedup by received day',
    story: 'the id’s key has the day in it: a retry after midnight is new',
    hasher: (hasher, { nowMs }) => ({ ...hasher, id: (kind, adId, eventId) => hasher.id(kind, adId, `${eventId} ${Math.floor(nowMs() / DAY_MS)}`) }),
  },
  {
    name: 'one id space for all kinds',
    story: 'a click is taken for a retry of its own impression',
    hasher: (hasher) => ({ ...hasher, id: (_kind, adId, eventId) => hasher.id(1, adId, eventId) }),
  },
  { name: 'skew rule forgotten', story: 'a claim from the future stands', shardDoor: rewriting(() => ({ event: (event) => ({ ...event, eventTimeMs: event.detail.claimedTimeMs }) })) },
  { name: 'token flag dropped', story: 'a token’s id counts again when the retry window is over', shardDoor: rewriting(() => ({ event: (event) => ({ ...event, flags: event.flags & ~EVENT_FLAGS.tokenBound }) })) },
  { name: 'scanner uses up the click', story: 'screening is told after judgement: what a bot does is judged as a person’s', shardDoor: rewriting(() => ({ event: (event) => ({ ...event, screenedReason: 0, reasonMask: 0 }) })) },
  { name: 'window closed at its end', story: 'a click exactly one window after another is dropped', shardDoor: rewriting(() => ({ terms: (terms) => ({ ...terms, clickWindowMs: terms.clickWindowMs + 1 }) })) },
  { name: 'attribution without end', story: 'an impression of last week bills a click', shardDoor: rewriting(() => ({ terms: (terms) => ({ ...terms, attributionWindowMs: terms.attributionWindowMs * 100 }) })) },
  { name: 'private viewer kept', story: 'an opt-out takes the address away and leaves the key', shardDoor: rewriting(() => ({ event: keepViewer })) },
  { name: 'tallies of accepted events lost', story: 'an edge forgets to say how many it let in', shardDoor: rewriting(() => ({ tallies: (tallies) => tallies.filter(({ rejection }) => rejection !== '') })) },
];

function rewriting(make: () => Rewriting): (door: ShardDoor) => ShardDoor {
  return (door) => ({ record: async (shard, batch, batchId) => door.record(shard, rewriteBatch(batch, make()), batchId) });
}

function keepViewer(event: TrackedEvent): TrackedEvent {
  return (event.flags & EVENT_FLAGS.private) === 0 ? event : { ...event, viewer: { lo: 77, hi: event.id.hi } };
}
