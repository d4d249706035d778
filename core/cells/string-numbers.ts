import { keepAlive } from '../keep-alive.ts';
import type { BookableBatch } from './bookable.ts';

/** Past this many strings the table is emptied with the next drain, or it would grow with every id ever seen. */
const MAX_KEPT_STRINGS = 65_536;
const UNKNOWN = -1;

/** Strings as small numbers, so that a cell's key is a handful of integers. */
export class StringNumbers {
  readonly #numbers = new Map<string, number>();
  #texts: string[] = [];
  readonly #byCountryCode = new Map<number, number>();

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#texts.length;
    this.#texts.push(text);
    this.#numbers.set(text, number);
    return number;
  }

  /** The number of event `i`'s country; its text is made when its code is new. */
  numberOfCountry(batch: Pick<BookableBatch, 'country' | 'countryCode'>, i: number): number {
    const code = batch.countryCode(i);
    const known = this.#byCountryCode.get(code);
    if (known !== undefined) return known;
    const number = this.numberOf(batch.country(i));
    this.#byCountryCode.set(code, number);
    return number;
  }

  /** By number; more may be added to it, what is there stays. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  textOf(number: number): string {
    return this.#texts[number]!;
  }

  /** The numbers of a batch's own dictionary, looked up once a batch and not once an event. */
  forBatch(batch: Pick<BookableBatch, 'ads' | 'strings'>): BatchNumbers {
    return keepAlive('batch numbers', new BatchNumbers(this, batch));
  }

  /** Only when nothing that holds a number is left. */
  forgetIfMany(): void {
    if (this.#texts.length <= MAX_KEPT_STRINGS) return;
    this.#numbers.clear();
    this.#byCountryCode.clear();
    this.#texts = [];
  }
}

/** A batch's dictionary in numbers: ads at once, strings when first asked for (most of them are in no cell). */
export class BatchNumbers {
  /** Four an ad: advertiser, campaign, ad, creative. */
  readonly ads: Int32Array;
  readonly #numbers: StringNumbers;
  readonly #texts: readonly string[];
  readonly #known: Int32Array;

  constructor(numbers: StringNumbers, { ads, strings }: Pick<BookableBatch, 'ads' | 'strings'>) {
    this.#numbers = numbers;
    this.#texts = strings;
    this.#known = new Int32Array(strings.length).fill(UNKNOWN);
    this.ads = new Int32Array(ads.length * 4);
    for (let i = 0; i < ads.length; i++) {
      const ad = ads[i]!;
      this.ads[i * 4] = numbers.numberOf(ad.advertiserId);
      this.ads[i * 4 + 1] = numbers.numberOf(ad.campaignId);
      this.ads[i * 4 + 2] = numbers.numberOf(ad.adId);
      this.ads[i * 4 + 3] = numbers.numberOf(ad.creativeId);
    }
  }

  /** The number of string `index` of the batch. */
  ofString(index: number): number {
    const known = this.#known[index]!;
    if (known !== UNKNOWN) return known;
    const number = this.#numbers.numberOf(this.#texts[index]!);
    this.#known[index] = number;
    return number;
  }
}
