import { hash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../http/server-context.ts'
import { version } from '../version.ts'
import { factsOf } from './token-facts.ts'
import type { TokenFacts } from './token-schemas.ts'

const style = `
:root{color-scheme:light dark;--line:#d9dce1;--soft:#5d6673;--good:#1a7f4b;--wait:#9a6700;--bad:#c0322b;--bg:#fff;--fg:#1c2128;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--line:#343b45;--soft:#9aa4b2;--good:#4cc38a;--wait:#e3b341;--bad:#ff7b72;--bg:#14181d;--fg:#e6eaf0;--link:#6cb6ff}}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem}
h1{font-size:1.6rem;margin:0}h1 small{font-size:.85rem;font-weight:400;color:var(--soft)}
p{margin:.4rem 0 1.4rem;color:var(--soft)}nav{display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;margin-bottom:2rem}
a{color:var(--link)}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:.85rem}td.number,th.number{text-align:right}th.note,td.note{padding-left:1rem}td.note{white-space:normal;color:var(--soft)}
code{font:13px/1.5 ui-monospace,monospace}.good{color:var(--good)}.wait{color:var(--wait)}.bad{color:var(--bad)}
`
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const links = [
  ['/docs', 'API'],
  ['/openapi.json', 'OpenAPI document'],
  ['/api/v1/tokens', 'Tokens as JSON'],
  ['/metrics', 'Metrics'],
  ['/api/v1/performance/health', 'Health'],
  ['/healthz', 'Liveness'],
  ['/readyz', 'Readiness'],
]

/** `GET /`: a plain page that links the rest and shows the state of each token; never a value. */
export function homePage(app: FastifyInstance, { tokens, access }: ServerContext): void {
  app.get(
    '/',
    { schema: { tags: ['operation'], operationId: 'getHome', summary: 'A page with the state of each token' } },
    async (request, reply) => {
      const caller = access.lister(request.raw)
      const covered = caller && tokens.list().filter(({ ref }) => caller.covers(ref))
      return reply
        .header('content-type', 'text/html; charset=utf-8')
        .header('content-security-policy', policy)
        .send(page(covered?.map(factsOf)))
    },
  )
}

function page(tokens: TokenFacts[] | undefined): string {
  const anchors = links.map(([href, text]) => `<a href="${href}">${text}</a>`).join('\n')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="5"><title>Hotwell</title><style>${style}</style></head>
<body><main><h1>Hotwell <small>${escapeHtml(version)}</small></h1>
<p>Keeps access tokens hot: each acquired once, and renewed before anybody waits.</p>
<nav>${anchors}</nav>
${tokens === undefined ? '<p>The tokens are listed for callers with an API key: <code>hotwell token list</code>.</p>' : table(tokens)}
</main></body></html>
`
}

function table(tokens: TokenFacts[]): string {
  if (tokens.length === 0) return '<p>No token is in use yet, and none is in the manifest.</p>'
  const rows = [...tokens]
    .sort((a, b) => (a.ref < b.ref ? -1 : 1))
    .map(({ ref, state, acquiring, expiresInSeconds, renewals, failure }) => {
      const look = state === 'fresh' ? 'good' : state === 'stale' || state === 'cold' ? 'wait' : 'bad'
      const note = failure ? `${failure.code}: ${failure.message}` : acquiring ? 'being acquired' : ''
      const cells = [
        `<td><code>${escapeHtml(ref)}</code></td>`,
        `<td class="${look}">${escapeHtml(state)}</td>`,
        `<td class="number">${expiresInSeconds === null ? '' : `${expiresInSeconds} s`}</td>`,
        `<td class="number">${renewals}</td>`,
        `<td class="note">${escapeHtml(note)}</td>`,
      ]
      return `<tr>${cells.join('')}</tr>`
    })
  const head =
    '<th>Token</th><th>State</th><th class="number">Ends in</th><th class="number">Renewals</th><th class="note">Note</th>'
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
