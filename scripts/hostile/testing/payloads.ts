import { gunzipSync } from 'node:zlib';
import { realData } from '../../../schemas/testing/real-data.ts';

/** Where an attacker would like people to land. */
export const EVIL_HOST = 'evil.example';

/** What open redirects are made of when no list is at hand, and what the lists lack. */
const HAND_MADE: readonly string[] = [
  `//${EVIL_HOST}`, `///${EVIL_HOST}`, `/\\${EVIL_HOST}`, `\\\\${EVIL_HOST}`, `\\/\\/${EVIL_HOST}`, `/%5c${EVIL_HOST}`, `/%09/${EVIL_HOST}`, `/%2f%2f${EVIL_HOST}`,
  `https:${EVIL_HOST}`, `https:/${EVIL_HOST}`, `https:\\\\${EVIL_HOST}`, `https://shop.example@${EVIL_HOST}/`, `https://${EVIL_HOST}#@shop.example/`, `https://${EVIL_HOST}?@shop.example/`,
  `https://shop.example\\@${EVIL_HOST}`, `https://shop.example%40${EVIL_HOST}`, `https://shop.example.${EVIL_HOST}/`, `https://shop.example:443@${EVIL_HOST}/`, `https://shop.example%2f@${EVIL_HOST}/`,
  `https://shop.example%00.${EVIL_HOST}/`, `https://shop.example%0d%0aLocation:%20https://${EVIL_HOST}`, `https://shop.example\r\nLocation: https://${EVIL_HOST}`, `https://shop.example\u0000.${EVIL_HOST}`,
  `https://shop\u3002example/`, `https://shop.example\uff0f${EVIL_HOST}`, `https://shop.example\u2044@${EVIL_HOST}`, `https://shop.ex\u00adample/`, `https://\u24d4vil.example`, `https://xn--vil-8na.example/`,
  `javascript:alert(1)`, `javascript://shop.example/%0aalert(1)`, `JaVaScRiPt:alert(1)`, `java\tscript:alert(1)`, `data:text/html;base64,PHNjcmlwdD4=`, `vbscript:msgbox(1)`, `file:///etc/passwd`,
  `blob:https://${EVIL_HOST}/x`, `view-source:https://${EVIL_HOST}`, `intent://${EVIL_HOST}#Intent;scheme=https;end`, `ws://${EVIL_HOST}/`, `..`, `../..//${EVIL_HOST}`, `%2e%2e%2f`, `..;/`, `.`, `@${EVIL_HOST}`, `:80@${EVIL_HOST}`,
  `%0d%0aSet-Cookie:x=1`, `\r\n\r\n<script>`, `%E5%98%8A%E5%98%8DLocation:${EVIL_HOST}`, `http://[::ffff:1.2.3.4]/`, `http://0x7f000001/`, `http://2130706433/`, `http://127.1/`, `https://[shop.example]@${EVIL_HOST}`,
];

const SCHEMES = ['https://', 'http://', '//', '\\\\', '/\\', 'https:', 'https:\\', 'hTtPs:////', 'javascript:', 'data:', 'ftp://', '\thttps://', 'https\r\n://', ''];
const BETWEEN = ['', '@', '%40', '\\', '%5c', '\r\n', '%0d%0a', '\u0000', '%00', '\t', '%09', '#', '?', ';', '\u2028', '\uff0f', '\u3002', '/..//', '/.%2e/', ' ', '\u202e', '\ud800', ':'];
const HOSTS = ['shop.example', EVIL_HOST, 'shop.example.evil.example', 'evil。example', 'ｅｖｉｌ.example', '[::1]', '0', 'xn--vil-8na.example'];
const TAILS = ['', '/', '/%2f..', '?x=https://evil.example', '#//evil.example', '/{click_id}', '/{publisher_id}/../', ':{ad_id}/'];

/** Lines of the public lists that lie beside the repository; none where they are absent. */
export function listedPayloads(): string[] {
  const lines = (path: string) => (realData(path)?.toString('utf8') ?? '').split('\n').filter((line) => line !== '');
  const json = (bytes: Buffer | null) => (bytes === null ? [] : (JSON.parse(bytes.toString('utf8')) as unknown[]));
  const packed = realData('url/urltestdata.json.gz');
  const whatwg = json(packed === null ? null : gunzipSync(packed)).flatMap((row) => (typeof row === 'object' && row !== null && 'input' in row ? [String(row.input)] : []));
  return [...lines('redirect/payloadbox_payloads.txt'), ...lines('redirect/patt_openredirects.txt'), ...whatwg, ...json(realData('strings/blns.json')).map(String)];
}

/** Every combination of scheme, separator, host and tail, after the hand-made ones. */
export function generatedPayloads(): string[] {
  const made = SCHEMES.flatMap((scheme) => HOSTS.flatMap((host) => BETWEEN.flatMap((between) => TAILS.map((tail) => `${scheme}shop.example${between}${host}${tail}`))));
  return [...HAND_MADE, ...made];
}

/** `items` thinned evenly to about `count`. */
export function thinned<Item>(items: readonly Item[], count: number): Item[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, index) => index % step === 0);
}
