import type { Random } from '../kernel/random.ts';

const BROWSERS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
] as const;
const BOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';

/** Somebody with a browser, or something. */
export type Person = { readonly pseudonym: string; readonly ip: string; readonly agent: string; readonly isBot: boolean; readonly isPrivate: boolean };

/** A handful of people, so that they come again and again; few of them are bots or want not to be known. */
export function drawPerson(random: Random): Person {
  const number = random.below(14);
  return {
    pseudonym: number % 3 === 0 ? '' : `user-${number}`,
    ip: `198.51.${100 + number}.${random.between(1, 200)}`,
    agent: number === 13 ? BOT : BROWSERS[number % BROWSERS.length]!,
    isBot: number === 13,
    isPrivate: number === 12,
  };
}

export function headersOf(person: Person): Record<string, string> {
  return { 'user-agent': person.agent, 'cf-connecting-ip': person.ip, ...(person.isPrivate ? { 'sec-gpc': '1' } : {}) };
}

/** Who that is to us: the pseudonym we were given, else prefix and agent, told anew each day; '' where we may not know. */
export function identityOf(person: Person, pseudonym: string): string {
  if (person.isPrivate) return '';
  return pseudonym === '' ? `browser ${person.ip.split('.').slice(0, 3).join('.')} ${person.agent}` : `user ${pseudonym}`;
}
