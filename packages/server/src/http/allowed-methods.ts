import type { FastifyInstance } from 'fastify'

/** Remembers every route, so that a path that is there with another method is told apart from one that is not. */
export class AllowedMethods {
  readonly #routes: { methods: string[]; segments: string[] }[] = []

  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ method, url }) => {
      const methods = Array.isArray(method) ? method : [method]
      this.#routes.push({ methods: methods.map(String), segments: url.split('/') })
    })
  }

  /** The methods that this path takes; none if it is not there. */
  of(path: string): string[] {
    const segments = path.split('/')
    const methods = this.#routes.filter(route => matches(route.segments, segments)).flatMap(route => route.methods)
    return [...new Set(methods)].sort()
  }
}

function matches(route: readonly string[], path: readonly string[]): boolean {
  const open = route.at(-1) === '*'
  if (open ? path.length < route.length : path.length !== route.length) return false
  // A segment `-` ends a ref; a parameter of the route before it does not reach over.
  return route.every(
    (part, index) => part === '*' || part === path[index] || (part.startsWith(':') && path[index] !== ''),
  )
}
