/** For light and dark, screens of any width, and paper. */
export const styles = `
:root { color-scheme: light dark; --text: #1c2430; --soft: #5b6675; --line: #dde2e8; --ground: #fff; --bar: #bcd4ee;
  --box: #2f74c0; --mark: #12365f; --ok: #1a7f4b; --missed: #b3261e }
@media (prefers-color-scheme: dark) { :root { --text: #e4e9f0; --soft: #9aa6b5; --line: #2e3947; --ground: #131920;
  --bar: #29486b; --box: #6aa9ee; --mark: #d9e9fb; --ok: #57c98c; --missed: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 88rem; padding: 2rem 1.5rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.7rem }
h2 { margin: 2.5rem 0 0; font-size: 1.3rem }
.summary { margin: .3rem 0 1rem; font-size: 1.1rem }
.about, footer { color: var(--soft) }
.about { margin: .1rem 0 .8rem }
footer { margin-top: 3rem; border-top: 1px solid var(--line); font-size: .9rem; max-width: 60rem }
dl { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: 0 }
dt { color: var(--soft); font-size: .8rem }
dd { margin: 0 }
nav ul { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; list-style: none; padding: 0; margin: 1rem 0 0 }
a { color: var(--box) }
.table { overflow-x: auto; margin: 0 0 1.2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .22rem .9rem .22rem 0; text-align: left; vertical-align: middle; border-bottom: 1px solid var(--line) }
thead th { color: var(--soft); font-size: .8rem; font-weight: 500 }
td { white-space: nowrap }
tbody th { font-weight: 400; min-width: 14rem }
.number { text-align: right }
.strong { font-weight: 600 }
.chart { padding-right: 1.2rem }
svg { display: block }
.bar { fill: var(--bar) }
.box { fill: var(--box); opacity: .55 }
.whisker { stroke: var(--box) }
.median { stroke: var(--mark); stroke-width: 1.5 }
.dot { fill: var(--mark) }
.ok, .missed { border: 1px solid; border-radius: 1rem; padding: 0 .5rem; font-size: .8rem; font-weight: 600 }
.ok { color: var(--ok) }
.missed { color: var(--missed) }
@media print { body { max-width: none; padding: 0 } section { break-inside: avoid-page } }
`
