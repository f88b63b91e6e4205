import { expect, test } from 'vitest'
import { createProgram } from '../../src/commands/program.ts'

type AnyCommand = ReturnType<typeof createProgram>

function helpOf(command: AnyCommand): string {
  let text = ''
  command.configureOutput({ writeOut: written => (text += written) }).outputHelp()
  return text
}

function everyCommand(command: AnyCommand, name: string): [string, AnyCommand][] {
  const children = command.commands.flatMap(child => everyCommand(child as AnyCommand, `${name} ${child.name()}`))
  return [[name, command], ...children]
}

test('every command explains itself, with examples that name it', () => {
  const commands = everyCommand(createProgram(), 'hotwell')
  expect(commands.map(([name]) => name).sort()).toEqual([
    'hotwell',
    'hotwell account',
    'hotwell account add',
    'hotwell account bar',
    'hotwell account list',
    'hotwell account remove',
    'hotwell account unbar',
    'hotwell account update',
    'hotwell config',
    'hotwell config check',
    'hotwell demo',
    'hotwell history',
    'hotwell keys',
    'hotwell keys create',
    'hotwell keys list',
    'hotwell keys revoke',
    'hotwell optimize',
    'hotwell seal',
    'hotwell seal rotate',
    'hotwell serve',
    'hotwell sync',
    'hotwell sync cancel',
    'hotwell sync dead-letters',
    'hotwell sync list',
    'hotwell sync pause',
    'hotwell sync performance',
    'hotwell sync resume',
    'hotwell sync retry',
    'hotwell sync run',
    'hotwell sync status',
    'hotwell sync verify',
    'hotwell token',
    'hotwell token get',
    'hotwell token invalidate',
    'hotwell token list',
    'hotwell token refresh',
  ])
  for (const [name, command] of commands) {
    const help = helpOf(command)
    expect(help, name).toMatch(/^Usage: /)
    expect(help, name).toMatch(/Examples?:\n/)
    expect(help.split(/Examples?:\n/)[1], name).toContain(name)
    for (const line of help.split('\n')) expect(line.length, `${name}: ${line}`).toBeLessThanOrEqual(120)
  }
  expect(helpOf(createProgram())).toMatch(/Exit codes:\n {2}0 {2}done/)
})
