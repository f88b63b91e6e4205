import type { IncomingMessage } from 'node:http'
import { HotwellError } from 'hotwell'
import type { Access, Caller } from '../http/access.ts'
import { RequestRefused } from '../http/problem.ts'
import type { RunRecord } from '../syncs/run-record.ts'

/** Looking takes `list`, acting `admin`, of a key whose patterns cover the sync as `syncs/NAME`. */
export function coversSync(caller: Caller, name: string): boolean {
  return caller.covers(`syncs/${name}`)
}

/** The caller, if it may do this with that sync. @throws RequestRefused as `Access.allow`, and `forbidden` */
export function allowSync(access: Access, request: IncomingMessage, action: 'list' | 'admin', name: string): Caller {
  const caller = access.allow(request, action)
  if (coversSync(caller, name)) return caller
  throw new RequestRefused('forbidden', `The API key "${caller.name}" does not cover "syncs/${name}".`)
}

/**
 * A run, if the caller may do this with its sync; others do not hear that it is there.
 * @throws RequestRefused as `Access.allow`; HotwellError `not_found`
 */
export async function allowRun(
  access: Access,
  request: IncomingMessage,
  action: 'list' | 'admin',
  found: () => Promise<RunRecord>,
): Promise<{ caller: Caller; record: RunRecord }> {
  const caller = access.allow(request, action)
  const record = await found()
  if (coversSync(caller, record.sync)) return { caller, record }
  throw new HotwellError('not_found', `There is no run "${record.id}" that the API key "${caller.name}" covers.`)
}
