import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { queryRows } from '../../../local/testing/http.ts';
import { until } from '../../../local/testing/running-network.ts';
import { BROWSER, landingOf, type World } from './world.ts';

const DRILL_MS = 6_000;
const CLICKERS = 8;

/** Tokens on the running network: replays over everything, and rotation while people click. */
export function tokens(world: () => World): void {
  const pops = (): string[] => Object.values(world().info.edgeUrls);
  const click = (url: string) => fetch(url, { redirect: 'manual', headers: { 'user-agent': BROWSER } });
  const setKeys = async (body: object) => expect((await world().ask('hub', '/v1/ops/token-keys', { key: world().key('ops'), method: 'POST', body })).status).toBe(200);
  const rivalClicks = async () => {
    const [row] = await queryRows(world().info, { metrics: 'clicks,gross_clicks,duplicate_clicks', filter: 'ad_id:ad-rival' });
    return { clicks: Number(row?.['clicks'] ?? 0), gross: Number(row?.['gross_clicks'] ?? 0), duplicates: Number(row?.['duplicate_clicks'] ?? 0) };
  };

  describe('tokens', () => {
    test('one token through every POP, again and again, and after workerd was killed: one count', { timeout: 90_000 }, async () => {
      const before = await rivalClicks();
      const [link] = await world().mint('rival');
      const everywhere = async () => {
        const replies = await Promise.all([...pops(), ...pops(), ...pops()].map((pop) => click(pop + link!.path)));
        for (const reply of replies) expect([reply.status, reply.headers.get('location')]).toEqual([302, landingOf('rival')]);
        return replies.length;
      };
      let sent = await everywhere();
      await world().network.kill('workerd');
      sent += await everywhere();
      await until(async () => (await rivalClicks()).gross - before.gross === sent, 60_000, () => 'the clicks never came to the store');
      const after = await rivalClicks();
      expect({ clicks: after.clicks - before.clicks, duplicates: after.duplicates - before.duplicates }).toEqual({ clicks: 1, duplicates: sent - 1 });
    });

    test('rotation under load refuses no valid click; a revoked key is dead at every POP within a minute', { timeout: 120_000 }, async () => {
      const drill = { clicks: 0, refused: [] as string[], isOn: true };
      const clicker = async (n: number) => {
        while (drill.isOn) {
          const links = await world().mint('acme', 10, pops()[n % 3]);
          for (const [i, { path }] of links.entries()) {
            const reply = await click(pops()[(n + i) % 3]! + path);
            drill.clicks++;
            if (reply.status !== 302 || reply.headers.get('location') !== landingOf('acme')) drill.refused.push(`${reply.status} ${path.slice(6, 20)}`);
          }
        }
      };
      const [old] = await world().mint('acme');
      const clickers = Array.from({ length: CLICKERS }, (_, n) => clicker(n));
      for (const signingKid of [2, 1, 2]) {
        await setKeys({ signingKid });
        await delay(DRILL_MS / 3);
      }
      drill.isOn = false;
      await Promise.all(clickers);
      console.log(`rotation drill: ${drill.clicks} clicks over three rotations, ${drill.refused.length} refused`);
      expect(drill.refused.slice(0, 5)).toEqual([]);
      expect(drill.clicks).toBeGreaterThan(200);

      const startedAt = Date.now();
      await setKeys({ signingKid: 2, revokedKids: [1] });
      const statuses = () => Promise.all(pops().map((pop) => click(pop + old!.path).then(({ status }) => status)));
      await until(async () => (await statuses()).every((status) => status === 404), 60_000, () => 'a revoked key still opens an edge');
      console.log(`a revoked token key was dead at every POP after ${Date.now() - startedAt} ms`);
      const [fresh] = await world().mint('acme');
      expect((await click(pops()[1]! + fresh!.path)).status).toBe(302);
    });
  });
}
