import { type DestinationStream, destination, type Logger, pino } from 'pino'

/** Names under which a secret or token would stand if somebody logged a whole object by mistake. */
const secretNames = [
  'token',
  'value',
  'appSecret',
  'clientSecret',
  'password',
  'secret',
  'authorization',
  'key',
  'encryptionKeys',
]

/**
 * Logs as JSON lines on standard output. Written behind the caller's back: a reader that is slow must not hold up the
 * thread that serves tokens.
 */
export function createLogger(level: string, stream: DestinationStream = destination({ dest: 1, sync: false })): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: secretNames.flatMap(name => [name, `*.${name}`]), censor: '[redacted]' },
    },
    stream,
  )
}
