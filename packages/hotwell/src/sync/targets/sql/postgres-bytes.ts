/** Beyond that the machine's own encoder is faster than a loop. */
const shortText = 24

/** Writes what PostgreSQL reads: big-endian numbers, texts in UTF-8. Room is to be made before. */
export class PostgresBytes {
  #buffer: Buffer
  #at = 0

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  get length(): number {
    return this.#at
  }

  /** How many bytes have room still. */
  get room(): number {
    return this.#buffer.length - this.#at
  }

  /** All so far. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value
  }

  int16(value: number): void {
    const buffer = this.#buffer
    buffer[this.#at++] = value >> 8
    buffer[this.#at++] = value
  }

  int32(value: number): void {
    this.int32At(this.#at, value)
    this.#at += 4
  }

  int32At(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  bytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** Its length in bytes, then the text. It may take three bytes a character. */
  text(value: string): void {
    const at = this.#at
    this.#at += 4
    this.utf8(value)
    this.int32At(at, this.#at - at - 4)
  }

  utf8(value: string): void {
    const { length } = value
    if (length <= shortText) {
      const buffer = this.#buffer
      const start = this.#at
      let index = 0
      for (; index < length; index++) {
        const unit = value.charCodeAt(index)
        if (unit > 127) break
        buffer[start + index] = unit
      }
      if (index === length) {
        this.#at += length
        return
      }
    }
    this.#at += this.#buffer.write(value, this.#at)
  }
}
