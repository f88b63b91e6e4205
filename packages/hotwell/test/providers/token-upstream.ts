import type { HostileReply } from '../../src/testing/hostile-replies.ts'
import type { UpstreamControl } from '../../src/testing/provider-contract.ts'
import { json, type LocalUpstream, startLocalUpstream } from './local-upstream.ts'

/** An upstream whose only good answer is `tokenReply`, until it is told otherwise. */
export async function startTokenUpstream(
  tokenReply: UpstreamControl['tokenReply'],
  others: (path: string) => HostileReply | undefined = () => undefined,
): Promise<{ server: LocalUpstream; control: UpstreamControl }> {
  let told: HostileReply | undefined
  let count = 0
  const server = await startLocalUpstream(({ path }) => {
    const other = others(path)
    if (other) return other
    return told ?? tokenReply(`t-${++count}`, 7200)
  })
  const control: UpstreamControl = {
    answer: reply => void (told = reply),
    tokenReply,
    requests: () => server.seen.filter(({ path }) => !others(path)).length,
  }
  return { server, control }
}

/** Feishu's reply carries the token under a name by its kind. */
export function feishuReply(kind: 'app' | 'tenant'): UpstreamControl['tokenReply'] {
  return (token, expire) => json({ code: 0, msg: 'ok', [`${kind}_access_token`]: token, expire })
}

export const oauthReply: UpstreamControl['tokenReply'] = (token, expires_in) =>
  json({ access_token: token, token_type: 'Bearer', expires_in })
