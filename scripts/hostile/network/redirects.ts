import { describe, expect, test } from 'vitest';
import { generatedPayloads, listedPayloads, thinned } from '../testing/payloads.ts';
import { headerLines, sendRaw } from './raw-http.ts';
import { BROWSER, landingOf, type World } from './world.ts';

const SAMPLE = 200;

/** A sample of the in-process cases, byte by byte over a socket: here nothing normalises what an attacker sends. */
export function redirects(world: () => World): void {
  describe('redirects over a socket', () => {
    test('no payload in target, query or header moves the Location or adds a header', { timeout: 60_000 }, async () => {
      const { edgeUrl } = world().info;
      const { host } = new URL(edgeUrl);
      const [link] = await world().mint('acme');
      const payloads = [...thinned(listedPayloads(), SAMPLE), ...thinned(generatedPayloads(), SAMPLE)];
      const wrong: string[] = [];
      let redirected = 0;
      for (const payload of payloads) {
        const target = Buffer.from(payload.replaceAll(/[\r\n\0 ]/g, ''), 'utf8').toString('latin1');
        const plain = `Host: ${host}\r\nUser-Agent: ${BROWSER}\r\nConnection: close\r\n\r\n`;
        const attacks: readonly (readonly [string, string])[] = [
          ['query', `GET ${link!.path}?url=${target} HTTP/1.1\r\n${plain}`],
          ['suffix', `GET ${link!.path}${target} HTTP/1.1\r\n${plain}`],
          ['target', `GET ${target || '/'} HTTP/1.1\r\n${plain}`],
          ['absolute', `GET https://evil.example${link!.path}#${target} HTTP/1.1\r\n${plain}`],
          ['host', `GET ${link!.path} HTTP/1.1\r\nHost: ${target}\r\nX-Forwarded-Host: ${target}\r\nReferer: ${target}\r\nConnection: close\r\n\r\n`],
          ['split', `GET ${link!.path}?${payload} HTTP/1.1\r\n${plain}`],
        ];
        for (const [where, request] of attacks) {
          const reply = await sendRaw(edgeUrl, Buffer.from(request, 'latin1'));
          const locations = headerLines(reply.head, 'location');
          if (locations.length > 0) redirected++;
          if (locations.some((location) => location !== landingOf('acme')) || locations.length > 1 || headerLines(reply.head, 'set-cookie').length > 0) wrong.push(`${where} ${JSON.stringify(payload)}: ${reply.head}`);
          if (reply.status >= 500) wrong.push(`${where} ${JSON.stringify(payload)}: ${reply.status}`);
          world().hear(`${where} ${payload.slice(0, 40)}`, reply.status, reply.text);
        }
      }
      console.log(`redirects over sockets: ${payloads.length * 6} requests, ${redirected} Locations`);
      expect(wrong.slice(0, 5)).toEqual([]);
      expect(redirected).toBeGreaterThan(payloads.length);
    });
  });
}
