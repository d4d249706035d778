/** An answer, or why there is none. */
export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string; readonly location: string | null; readonly retryAfterMs: number; readonly tookMs: number }
  | { readonly kind: 'none'; readonly why: string };

/** No server of ours takes longer to say that it cannot confirm; who hangs longer is stopped or dead. */
export const PATIENCE_MS = 25_000;

export type Request = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string; readonly patienceMs?: number };

/** One attempt; never throws. */
export async function ask(url: string, { method = 'GET', headers = {}, body, patienceMs = PATIENCE_MS }: Request = {}): Promise<Answer> {
  const startedAtMs = performance.now();
  try {
    const reply = await fetch(url, { method, headers, redirect: 'manual', signal: AbortSignal.timeout(patienceMs), ...(body === undefined ? {} : { body }) });
    const text = await reply.text();
    const retryAfterMs = Number(reply.headers.get('retry-after') ?? 0) * 1_000;
    return { kind: 'answer', status: reply.status, text, location: reply.headers.get('location'), retryAfterMs, tookMs: performance.now() - startedAtMs };
  } catch (error) {
    return { kind: 'none', why: String((error as { cause?: unknown }).cause ?? error) };
  }
}
