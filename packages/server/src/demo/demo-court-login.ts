import { type Provider, providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'

/** Logs in to the demo's site as a browser would: a captcha, worked out, and then the password beside it. */
export function demoCourtLogin(url: string): Provider {
  const provider = custom({
    identity: `demo-court:${url}`,
    kinds: ['account'],
    baseUrls: [url],
    async acquire({ credentials, signal, note, attempt }) {
      note({ captchaAttempts: attempt })
      const visit = await fetch(`${url}/captcha`, { signal })
      const cookie = visit.headers.get('set-cookie')?.split(';')[0] ?? ''
      const [, one, other] = /(\d+) \+ (\d+)/.exec(await visit.text()) ?? []
      const reply = await fetch(`${url}/api/login`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json' },
        body: JSON.stringify({
          username: credentials?.username,
          password: credentials?.password,
          captcha: String(Number(one) + Number(other)),
        }),
        signal,
      })
      const answer = (await reply.json()) as { token: string; expiresIn: number } | { error: string; message: string }
      if ('error' in answer) throw refusalOf(answer)
      return { value: answer.token, expiresInSeconds: answer.expiresIn }
    },
  })
  return { ...provider, needsAccount: true }
}

function refusalOf({ error, message }: { error: string; message: string }) {
  if (error === 'captcha_wrong') return providerFailure({ message, status: 'captcha_error', disposition: 'retryable' })
  if (error !== 'bad_password' && error !== 'locked') return providerFailure({ message })
  return providerFailure({ message, code: 'credentials_rejected', scope: 'account', status: 'credential_error' })
}
