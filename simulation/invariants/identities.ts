import type { World } from '../world.ts';
import type { JudgedEvent } from './judged-events.ts';

/** Who did it is told apart as it should be, and what is one event meets itself in one shard. */
export function checkIdentities(world: World, judged: readonly JudgedEvent[]): void {
  checkViewers(world, judged);
  checkMeetings(world, judged);
}

/** One viewer for one identity and back; a browser without a pseudonym is another one each day. */
function checkViewers(world: World, judged: readonly JudgedEvent[]): void {
  const byIdentity = new Map<string, string>();
  const byViewer = new Map<string, string>();
  for (const { row, sent } of judged) {
    const viewer = String(row['viewer']);
    const day = sent.identity.startsWith('browser') ? ` on day ${Math.floor(Number(row['received_at']) / 86_400_000)}` : '';
    const identity = sent.identity === '' ? '' : sent.identity + day;
    world.verdict.check((viewer === '0') === (identity === ''), 'nobody is known who may not be', () => `${sent.marker} of "${identity}" has viewer ${viewer}`);
    if (identity === '') continue;
    const isSame = (byIdentity.get(identity) ?? viewer) === viewer && (byViewer.get(viewer) ?? identity) === identity;
    world.verdict.check(isSame, 'one viewer is one person', () => `${identity} and viewer ${viewer}: ${byIdentity.get(identity)}, ${byViewer.get(viewer)}`);
    byIdentity.set(identity, viewer);
    byViewer.set(viewer, identity);
  }
}

/** Copies of one event meet in one shard, by whatever POP they came and whatever has been resharded since. */
function checkMeetings(world: World, judged: readonly JudgedEvent[]): void {
  const shards = new Map<string, { shard: string; pop: string }>();
  const { epochs } = world.control;
  for (const { row, sent } of judged) {
    const isSkewed = (Number(row['flags']) & 2) !== 0;
    if (sent.token === null && (sent.claimedAtMs === null || isSkewed)) continue;
    const source = String(row['source']);
    const id = `${source} ${sent.kind} ${sent.adId} ${sent.eventId}`;
    const shard = String(row['shard']);
    const known = shards.get(id);
    world.verdict.check(known === undefined || known.shard === shard, 'copies of one event meet in one shard', () => `${id} was judged by ${known!.shard} and ${shard}`);
    if (known !== undefined && known.pop !== String(row['pop'])) world.probes.sometimes('a retry met another copy through another POP');
    shards.set(id, { shard, pop: String(row['pop']) });
    const second = epochs[1];
    if (sent.token === null || second === undefined) continue;
    if (sent.token.issuedAtMs < second.sinceMs && Number(row['received_at']) >= second.sinceMs) world.probes.sometimes('a token of the first shard epoch was used in the second');
    if (sent.kind === 'click' && keyOf(sent.token.text) === 2) world.probes.sometimes('a token signed by the second key was clicked');
  }
}

/** The number of the key that signed a token: its second byte. */
function keyOf(token: string): number {
  return Buffer.from(token.slice(0, 4), 'base64url')[1]!;
}
