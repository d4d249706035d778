/** Pages carry their own style and script and may talk to this hub only. */
const SECURITY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  nav a { margin-right: 1rem; }
  table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; }
  input { font: inherit; width: 26rem; max-width: 100%; }
  button { font: inherit; }
  h3, td:not(:first-child) { overflow-wrap: anywhere; }
  .big { font-size: 2rem; font-variant-numeric: tabular-nums; }
  .muted { opacity: .7; }
  pre { overflow-x: auto; background: #8882; padding: .6rem; }
`;

/** An HTML page of this hub. `body` and `script` are ours; nothing that a caller wrote may be in them. */
export function page({ title, body, script = '' }: { title: string; body: string; script?: string }): Response {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} · Edgetally</title>
<link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><nav aria-label="Main"><a href="/">Live</a><a href="/ops">Operations</a><a href="/docs">API</a><a href="/metrics">Metrics</a></nav>
<main>${body}</main>${script === '' ? '' : `<script type="module">${script}</script>`}</body></html>`;
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': SECURITY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
  return new Response(html, { headers });
}

/** Text that may hold anything, for the inside of an element or attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A field for a key, kept in the tab's memory only. Scripts of pages read `key()`. */
export const KEY_FORM = `<form id="key-form"><label>Key <input id="key" type="password" autocomplete="off" placeholder="Bearer key" required></label> <button>Show</button></form>
<p id="state" role="status" class="muted">Give a key to see its numbers.</p>`;

/** Script that both dashboards begin with. */
export const KEY_SCRIPT = `
  const byId = (id) => document.getElementById(id);
  const say = (text) => { byId('state').textContent = text; };
  const key = () => byId('key').value.trim();
  const ask = (path, signal) => fetch(path, { headers: { authorization: 'Bearer ' + key() }, signal });
  const refusal = async (reply) => { try { return (await reply.json()).message; } catch { return 'the hub answered ' + reply.status; } };
`;
