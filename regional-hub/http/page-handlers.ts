import { json } from './handler.ts';
import { openApiDocument } from './openapi.ts';
import { docsPage } from './pages/docs.ts';
import { homePage } from './pages/home.ts';
import { opsPage } from './pages/ops.ts';

/** What a browser or a tool sees without a key. */
export const pageHandlers = { homePage, opsPage, docsPage, openApi: () => json(openApiDocument()) };
