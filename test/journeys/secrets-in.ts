import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A text or bytes that somebody could read, by the name of where it was found. */
export type Readable = Record<string, string | Buffer>

/** Where which secret stands, in any form in which it might: plain, URL-encoded, in base64, in hex. */
export function secretsIn(places: Readable, secrets: Iterable<string>): string[] {
  const forms = [...new Set(secrets)].flatMap(secret => formsOf(secret).map(form => ({ secret, ...form })))
  return Object.entries(places).flatMap(([place, content]) => {
    // One character a byte, so that a database file is searched as well as a log.
    const text = typeof content === 'string' ? content : content.toString('latin1')
    return forms
      .filter(({ bytes }) => text.includes(bytes))
      .map(({ secret, name }) => `${place} holds ${secret.slice(0, 12)}… (${name})`)
  })
}

function formsOf(secret: string): { name: string; bytes: string }[] {
  const buffer = Buffer.from(secret)
  return [
    { name: 'plain', bytes: buffer.toString('latin1') },
    { name: 'URL-encoded', bytes: encodeURIComponent(secret) },
    { name: 'JSON', bytes: JSON.stringify(secret).slice(1, -1) },
    { name: 'hex', bytes: buffer.toString('hex') },
    { name: 'hex in capitals', bytes: buffer.toString('hex').toUpperCase() },
    ...base64Within(secret).map(bytes => ({ name: 'base64', bytes })),
  ]
}

/** Base64 of a text in the middle of another one looks different by where it begins; its inner part is certain. */
function base64Within(secret: string): string[] {
  const shifted = [0, 1, 2].map(before => {
    const text = Buffer.from(' '.repeat(before) + secret).toString('base64')
    return text.slice(before === 0 ? 0 : 4, -4)
  })
  return shifted.flatMap(text => [text, text.replaceAll('+', '-').replaceAll('/', '_')])
}

/** Every file below a folder, read whole. */
export async function filesOf(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const files = await Promise.all(paths.map(async path => [path.slice(folder.length + 1), await readFile(path)]))
  return Object.fromEntries(files)
}
