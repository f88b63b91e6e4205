// The library in one file: tokens of two providers, taken once and served from memory.
// The sandbox stands in for Feishu and for an identity provider; with real ones, leave `baseUrl` out and name your issuer.
import { startLarkSimulator, startOpenIdProvider } from '@hotwell/sandbox'
import { createTokenManager, isHotwellError } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'

const app = { appId: 'cli_example', appSecret: 'example-secret' }
const client = { clientId: 'shop', clientSecret: 'example-client-secret' }
await using lark = await startLarkSimulator({ apps: [{ ...app, tenants: ['acme'] }] })
await using identity = await startOpenIdProvider({ clients: [client] })

await using tokens = createTokenManager({
  providers: {
    feishu: feishu({ ...app, tenants: ['acme'], baseUrl: lark.url }),
    crm: clientCredentials({ issuer: identity.issuer, ...client, baseUrls: [identity.url] }),
  },
})

const acme = tokens.token('feishu/tenant/acme')
const callers = await Promise.all(Array.from({ length: 1000 }, () => acme.get()))
console.log(`${callers.length} callers, ${new Set(callers).size} token, ${lark.requests.total} request upstream`)

const { expiresAt, generation } = await acme.getDetails()
console.log(`It lives until ${new Date(expiresAt).toISOString()}; generation ${generation}`)
console.log(`Renewed from ${new Date(acme.inspect().softExpiresAt!).toISOString()} on, before anybody has to wait`)

// The token is put in, and a request whose token is rejected is sent once more with a new one.
const reply = await acme.fetch('/open-apis/contact/v3/users?department_id=0&page_size=3')
const { data } = (await reply.json()) as { data: { items: { name: string }[] } }
console.log(`Users of acme: ${data.items.map(user => user.name).join(', ')}`)

const crm = tokens.token('crm/client')
console.log(`crm: ${(await crm.get()) === crm.peek() ? 'peek() serves what get() fetched, without a promise' : '?'}`)

try {
  tokens.token({ provider: 'feishu', kind: 'tenant', subject: 'nobody' })
} catch (error) {
  if (isHotwellError(error, 'unknown_subject')) console.log(`${error.code}: ${error.message}`)
}
console.log(tokens.metrics.performanceReport())
