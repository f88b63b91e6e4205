import { randomBytes } from 'node:crypto'

export interface LarkAppOptions {
  appId: string
  appSecret: string
  /** Tenant keys. A self-built app lives in one tenant, so it names exactly one; a marketplace app in all that installed it. */
  tenants: readonly string[]
  /** Which token endpoints the app uses: `/internal` ones, or those with an app ticket. @default 'self-built' */
  type?: 'self-built' | 'marketplace'
}

export interface LarkApp {
  readonly appId: string
  readonly type: 'self-built' | 'marketplace'
  readonly tenants: readonly string[]
  appSecret: string
  enabled: boolean
  /** The one that is valid now; none until the first was issued. */
  ticket: string | undefined
}

/** The apps that are registered with the simulator. */
export class AppDirectory {
  readonly #apps = new Map<string, LarkApp>()

  constructor(apps: readonly LarkAppOptions[]) {
    if (apps.length === 0)
      throw new TypeError('The simulator needs at least one app: apps: [{ appId, appSecret, tenants }]')
    for (const app of apps) this.#register(app)
  }

  #register({ appId, appSecret, tenants, type = 'self-built' }: LarkAppOptions): void {
    if (!appId || !appSecret) throw new TypeError('An app needs an appId and an appSecret')
    if (this.#apps.has(appId)) throw new TypeError(`App ${appId} is listed twice: list it once, with all its tenants`)
    if (tenants.length === 0) throw new TypeError(`App ${appId} has no tenant: give it one, such as tenants: ['acme']`)
    if (type === 'self-built' && tenants.length > 1) {
      throw new TypeError(
        `App ${appId} has the tenants ${tenants.join(', ')}, but a self-built app lives in one: ` +
          "give each tenant an app of its own, or say type: 'marketplace'",
      )
    }
    this.#apps.set(appId, { appId, appSecret, type, tenants: [...tenants], enabled: true, ticket: undefined })
  }

  find(appId: string): LarkApp | undefined {
    return this.#apps.get(appId)
  }

  /** @throws RangeError for an app that was not registered */
  get(appId: string): LarkApp {
    const app = this.#apps.get(appId)
    if (!app) throw new RangeError(`No app ${appId} here; there are ${[...this.#apps.keys()].join(', ')}`)
    return app
  }

  hasTenant(tenant: string): boolean {
    return [...this.#apps.values()].some(app => app.tenants.includes(tenant))
  }

  /** The former ticket is void from now on. */
  issueTicket(appId: string): string {
    return (this.get(appId).ticket = randomBytes(16).toString('hex'))
  }
}
