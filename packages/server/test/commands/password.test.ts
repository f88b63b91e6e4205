import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readNewPassword } from '../../src/commands/password.ts'
import { runHotwell } from './run-hotwell.ts'

/** A terminal as a program sees one: raw mode on request, and keys that arrive as bytes. */
function terminal() {
  const modes: boolean[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => void modes.push(raw) })
  let shown = ''
  const output = { write: (text: string) => (shown += text) }
  const answered = async (pattern: RegExp, keys: string) => {
    while (!pattern.test(shown)) await new Promise(resolve => setImmediate(resolve))
    input.write(keys)
  }
  return { input, output, modes, answered, shown: () => shown }
}

test('on a terminal a password is asked for twice, edited as usual, and never shown', async () => {
  const { input, output, modes, answered, shown } = terminal()
  const reading = readNewPassword('Password of s/a', { input, output })
  await answered(/a: $/, 'hunter3\u007f2 秘密\r')
  await answered(/again: $/, 'hunter2 秘密\r')
  expect(await reading).toBe('hunter2 秘密')
  expect(shown()).toBe('Password of s/a: \nPassword of s/a again: \n')
  expect(modes).toEqual([true, false])
})

test('two that differ are asked for again, and after three rounds nothing is changed', async () => {
  const once = terminal()
  const mended = readNewPassword('Password', once)
  once.input.write('one\rtwo\rthree\rthree\r')
  expect(await mended).toBe('three')
  expect(once.shown()).toContain('The two do not match.')

  const never = terminal()
  const refused = readNewPassword('Password', never)
  never.input.write('1\r2\r3\r4\r5\r6\r')
  await expect(refused).rejects.toThrow('nothing was changed')
  expect(never.modes).toEqual([true, false])
})

test.each([
  ['Ctrl+C', '\u0003'],
  ['Ctrl+D', '\u0004'],
])('%s at the question changes nothing and gives the terminal back', async (_name, key) => {
  const { input, output, modes, answered } = terminal()
  const reading = readNewPassword('Password', { input, output })
  await answered(/: $/, `half${key === '\u0004' ? '\u0015' : ''}${key}`)
  await expect(reading).rejects.toThrow('No password was given')
  expect(modes).toEqual([true, false])
})

test('from a pipe comes the whole password, spaces included, less the line break at its end', async () => {
  const piped = (text: string) => {
    const input = new PassThrough()
    input.end(text)
    return readNewPassword('Password', { input, output: { write: () => {} } })
  }
  expect(await piped(' a b \n')).toBe(' a b ')
  expect(await piped('a\r\n')).toBe('a')
  expect(await piped('a')).toBe('a')
  await expect(piped('\n')).rejects.toThrow('The password is empty')
  await expect(piped('a\nb\n')).rejects.toThrow('several lines')
})

test.each([
  [['--password', 'sesame-7']],
  [['--password=sesame-7']],
  [['-psesame-7']],
  [['sesame-7']],
  [['--passwd=sesame-7']],
])('a password on the command line is refused, with the reason and without repeating it: %j', async given => {
  for (const command of [
    ['account', 'add', 'site', 'me', ...given],
    ['account', 'update', 'site', 'me', ...given],
  ]) {
    const { code, stdout, stderr } = await runHotwell(command)
    expect(code).toBe(2)
    expect(stderr).toContain('a password is never taken from the command line')
    expect(stdout + stderr).not.toContain('sesame-7')
  }
})
