/** The hidden fields of the login form in a page: of the form with the password, else of the whole page. */
export function hiddenFields(page: string): Record<string, string> {
  const forms = page.split(/<form\b/i).slice(1)
  const form = forms.find(showsForm) ?? page
  const fields: [string, string][] = []
  for (const [tag] of form.split(/<\/form/i)[0]!.matchAll(/<input\b[^<>]{0,8192}>/gi)) {
    const name = attribute(tag, 'name')
    if (name && attribute(tag, 'type')?.toLowerCase() === 'hidden') fields.push([name, attribute(tag, 'value') ?? ''])
  }
  return Object.fromEntries(fields)
}

/** Whether a page has a field for a password. */
export function showsForm(page: string): boolean {
  return /<input\b[^<>]{0,8192}\btype\s{0,9}=\s{0,9}["']?password/i.test(page)
}

function attribute(tag: string, name: string): string | undefined {
  const [, double, single, bare] =
    tag.match(new RegExp(`\\s${name}\\s{0,9}=\\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\\s>"']+))`, 'i')) ?? []
  const value = double ?? single ?? bare
  return value?.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (text, decimal, hex, named) => {
    if (named) return entities[named.toLowerCase()]!
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : text
  })
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
