import { siteLogin } from 'hotwell/providers/site-login'

/** Logs in at a site by JSON. */
export const jsonLogin = ({ url }: { url: string }) =>
  siteLogin({
    baseUrl: url,
    loginPath: '/api/login',
    form: 'json',
    token: { from: 'body', path: 'token', expiresInPath: 'expiresIn' },
  })

/** Logs in as people do: page, captcha, form. */
export const formLogin = ({ url }: { url: string }) =>
  siteLogin({
    baseUrl: url,
    prepare: true,
    captchaPath: '/captcha',
    captcha: ({ text }) => sumIn(text),
    token: { from: 'cookie', name: 'session' },
  })

/** The captcha shows a sum. */
function sumIn(image: string): string {
  const [, one, other] = /(\d+) \+ (\d+)/.exec(image) ?? []
  return String(Number(one) + Number(other))
}
