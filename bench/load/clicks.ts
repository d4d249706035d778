import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_KINDS } from '../../core/event.ts';
import { adHash } from '../../core/hash.ts';
import { unpackSectionSync } from '../../regional-hub/log/unpack-section.ts';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { nonceText, type TokenSigner } from '../../schemas/token.ts';
import { decodeDeltaSection } from '../../schemas/wire/delta-section.ts';
import { decodeFrame } from '../../schemas/wire/frame.ts';
import type { EdgeBed } from '../beds/edge-bed.ts';
import { inRuns } from './events.ts';
import { type LoadFile, writeLoad } from './load-file.ts';
import { BROWSER, costOf } from './wrk.ts';

/** Events of one request, at most. */
export const MAX_EVENTS = 1_000;
/** A token lives as long as it may. */
const TTL_MS = 86_400_000;
/** Shards that an `EdgeBed` has unless it is told otherwise. */
const SHARDS = 4;

export type ClickOptions = { readonly count: number; readonly ads?: number; readonly shards?: number };
export type ClickToken = { readonly token: string; readonly adId: string; readonly impressionId: string };

/** Tokens of clicks, each with a viewer of its own. */
export function clickTokens(signer: TokenSigner, { count, ads = 1, shards = SHARDS }: ClickOptions): ClickToken[] {
  const issuedAtMs = Date.now();
  const random = randomBytes(count * 24);
  return Array.from({ length: count }, (_, i) => {
    const nonce = new Uint8Array(random.subarray(i * 24, i * 24 + 16));
    const viewer = { lo: random.readUInt32LE(i * 24 + 16), hi: random.readUInt32LE(i * 24 + 20) };
    const adId = `ad-${i % ads}`;
    const token = signer.sign({
      purpose: 'click',
      issuedAtMs,
      expiresAtMs: issuedAtMs + TTL_MS,
      nonce,
      route: viewer.hi >>> 16,
      salts: 1,
      slot: { epoch: 0, shard: adHash(adId) % shards },
      contextHash: 0,
      viewer,
      adId,
      publisherId: PUBLISHER,
      placementId: 'top',
      homeRegion: 'us',
    });
    return { token, adId, impressionId: nonceText(nonce) };
  });
}

/**
 * New clicks for one load, whose impressions the shards have been told of, and have flushed, so that each click is counted and finds its own,
 * as nearly all do. Throws when an impression was not accepted.
 */
export async function newClicks(bed: EdgeBed, options: ClickOptions): Promise<LoadFile> {
  const clicks = clickTokens(bed.signer, options);
  for (const run of inRuns(clicks, MAX_EVENTS)) {
    const events = run.map((click) => ({ eventType: 'impression', publisherId: PUBLISHER, ...click }));
    // Who calls himself something else than a browser is a bot: his impressions are filtered, and their clicks wait for them.
    const headers = { 'content-type': BINARY_EVENTS_MEDIA_TYPE, 'user-agent': BROWSER };
    const reply = await fetch(`${bed.url}/v1/events`, { method: 'POST', headers, body: encodeEvents(events) });
    const { accepted } = (await reply.json()) as { accepted?: number };
    if (accepted !== events.length) throw new Error(`${accepted ?? reply.status} of ${events.length} impressions were accepted`);
  }
  await sleep(FLUSHED_AFTER_MS);
  return writeLoad(join(bed.dir, 'clicks'), { method: 'GET', items: clicks.map(({ token }) => Buffer.from(`/v1/c/${token}`)) });
}

/** New clicks for so long, as fast as the edge answers or with pauses between; what wrk saw, what it cost the edge, and how many impressions went ahead. */
export async function driveClicks(bed: EdgeBed, { connections, seconds, pauseMs = 0 }: { readonly connections: number; readonly seconds: number; readonly pauseMs?: number }) {
  const perSecond = pauseMs === 0 ? MAX_PER_SECOND : Math.min(MAX_PER_SECOND, (connections * 1_000) / pauseMs);
  const file = await newClicks(bed, { count: Math.ceil(seconds * perSecond) });
  return { ...(await costOf(bed.workerd, { url: bed.url, file, connections, seconds, pauseMs })), impressions: file.count };
}

/** Throws unless every click that the shards have flushed was counted and billed: else something else than clicks was measured. */
export async function expectBilled(bed: EdgeBed): Promise<void> {
  await sleep(FLUSHED_AFTER_MS);
  let [clicks, billed] = [0, 0];
  for (const frame of bed.hub.keptFrames) {
    const deltas = unpackSectionSync(decodeFrame(frame).deltas, { maxOutputLength: MAX_SECTION_BYTES });
    for (const row of decodeDeltaSection(deltas).rows) {
      if (row.kind !== EVENT_KINDS.click) continue;
      clicks += row.count;
      billed += row.billable;
    }
  }
  if (clicks === 0 || billed < clicks) throw new Error(`${billed} of ${clicks} clicks were billed`);
}

/** More than one core answers. */
const MAX_PER_SECOND = 15_000;
const PUBLISHER = 'pub-1';
const MAX_SECTION_BYTES = 64 * 2 ** 20;
/** The last frames leave after the flush delay. */
export const FLUSHED_AFTER_MS = 3_000;
