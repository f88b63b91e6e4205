/** Tells people how far it is, on stderr, so that stdout holds the result alone. */
export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`)
}
