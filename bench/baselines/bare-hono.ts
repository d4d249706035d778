import { Hono } from 'hono';

/** What a redirect costs before it does anything: one route of Hono, one constant answer. */
const app = new Hono();
app.get('/r', (c) => c.redirect('https://shop.example/landing', 302));

export default app;
