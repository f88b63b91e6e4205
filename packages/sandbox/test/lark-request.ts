import type { LarkSimulator } from '../src/index.ts'

export const AUTH = '/open-apis/auth/v3'
export const CONTACTS = '/open-apis/contact/v3'

/** A reply of the simulator; the fields hold what Lark's documents say of each path. */
export interface LarkReply {
  status: number
  headers: Headers
  body: {
    code: number
    msg: string
    expire: number
    tenant_access_token: string
    app_access_token: string
    data: { has_more: boolean; page_token?: string; items: Record<string, unknown>[] }
    error: { field_violations: { field: string }[] }
  }
}

export async function post(lark: LarkSimulator, path: string, body: object | string): Promise<LarkReply> {
  const response = await fetch(lark.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}

export async function get(lark: LarkSimulator, path: string, token?: string): Promise<LarkReply> {
  const response = await fetch(lark.url + path, token ? { headers: { authorization: `Bearer ${token}` } } : {})
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}
