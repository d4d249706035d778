/**
 * Cloudflare KV's read protocol over the hub: `GET /<key>` answers the value or 404. On this machine it stands where
 * the real namespace stands in production, so that edges read their snapshot through the same binding.
 */
type KvEnv = { readonly HUB: { fetch(request: Request): Promise<Response> }; readonly INTERNAL_TOKEN: string };

export default {
  async fetch(request: Request, env: KvEnv): Promise<Response> {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method !== 'GET' || key !== 'snapshot') return new Response(null, { status: 404 });
    const answer = await env.HUB.fetch(
      new Request('http://hub/internal/snapshot', { headers: { authorization: `Bearer ${env.INTERNAL_TOKEN}` } }),
    );
    return answer.ok ? new Response(answer.body) : new Response(null, { status: answer.status === 404 ? 404 : 503 });
  },
};
