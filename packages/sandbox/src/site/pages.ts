import type { RawReply } from '../raw-reply.ts'

export const refusals = {
  bad_password: { status: 401, text: 'The user name or password is wrong.' },
  captcha_wrong: { status: 400, text: 'The captcha is wrong.' },
  locked: { status: 423, text: 'This account is locked. Ask the operator of this site.' },
  form_expired: { status: 403, text: 'This form has expired. Open the login page again.' },
} as const
export type LoginRefusal = keyof typeof refusals

interface LoginPage {
  formToken: string
  captcha: boolean
  refusal?: LoginRefusal
}

export function loginPage({ formToken, captcha, refusal }: LoginPage): string {
  const error = refusal ? `<p id="error" class="${refusal}">${refusals[refusal].text}</p>` : ''
  const challenge = captcha
    ? `<label>Captcha <input name="captcha" autocomplete="off" required></label>
<img id="captcha-image" src="/captcha" alt="A sum to work out">`
    : ''
  return page(
    'Log in',
    `${error}<form method="post" action="/login">
<input type="hidden" name="form_token" value="${formToken}">
<label>User name <input name="username" required></label>
<label>Password <input name="password" type="password" required></label>
${challenge}
<button type="submit">Log in</button>
</form>`,
  )
}

export function casesPage(cases: readonly string[]): string {
  return page('My cases', `<ul id="cases">${cases.map(name => `<li>${name}</li>`).join('')}</ul>`)
}

export function html(status: number, body: string, headers: Record<string, string> = {}): RawReply {
  return { status, headers: { ...headers, 'content-type': 'text/html; charset=utf-8' }, body }
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1>
${content}
</body></html>`
}
