/** What of it is used here; the types of Node have none of it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** A hundred functions of JavaScript, each of other parameters, that WebAssembly calls more than a thousand times. */
const count = 100
const [i32, f32, f64] = [0x7f, 0x7d, 0x7c]
const zero = new Map([
  [i32, [0x41, 0]],
  [f32, [0x43, 0, 0, 0, 0]],
  [f64, [0x44, 0, 0, 0, 0, 0, 0, 0, 0]],
])
const [functionType, imported, exported, call, end] = [0x60, [1, 0x61, 1, 0x66, 0], [1, 0x67, 0], 0x10, 0x0b]

const parameters = Array.from({ length: count }, (_, index) =>
  [1, 3, 9, 27, 81].map(place => [i32, f32, f64][Math.floor(index / place) % 3]!),
)
const body = [
  0,
  ...parameters.flatMap((of, index) => [...of.flatMap(type => zero.get(type)!), call, ...leb(index)]),
  end,
]
const compiled = new WebAssembly.Module(
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [...parameters.map(of => [functionType, of.length, ...of, 0]), [functionType, 0, 0]]),
    ...section(
      2,
      parameters.map((_, index) => [...imported, ...leb(index)]),
    ),
    ...section(3, [leb(count)]),
    ...section(7, [[...exported, ...leb(count)]]),
    ...section(10, [[...leb(body.length), ...body]]),
  ]),
)
const { g } = new WebAssembly.Instance(compiled, { a: { f() {} } }).exports as { g(): void }
for (let called = 0; called < 1010; called++) g()

function section(id: number, items: number[][]): number[] {
  const content = [...leb(items.length), ...items.flat()]
  return [id, ...leb(content.length), ...content]
}

/** An unsigned LEB128 number. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]
}
