import { Events } from 'hotwell/core'
import { expect, test } from 'vitest'

interface Told {
  said: string
}

test('listeners hear in the order in which they came, until they leave', () => {
  const events = new Events<Told>()
  const heard: string[] = []
  const leave = events.on('said', text => heard.push(`first ${text}`))
  events.on('said', text => heard.push(`second ${text}`))
  events.emit('said', 'a')
  leave()
  leave()
  events.emit('said', 'b')
  expect(heard).toEqual(['first a', 'second a', 'second b'])
})

test('a listener that throws hurts nobody, and its error is handed on', () => {
  const errors: unknown[] = []
  const events = new Events<Told>((error, name) => errors.push([name, error]))
  const heard: string[] = []
  const boom = new Error('boom')
  events.on('said', () => {
    throw boom
  })
  events.on('said', text => heard.push(text))
  events.emit('said', 'a')
  expect(heard).toEqual(['a'])
  expect(errors).toEqual([['said', boom]])
})

test('a listener that leaves while it hears keeps the others', () => {
  const events = new Events<Told>()
  const heard: string[] = []
  const leave = events.on('said', () => leave())
  events.on('said', text => heard.push(text))
  events.emit('said', 'a')
  expect(heard).toEqual(['a'])
})
