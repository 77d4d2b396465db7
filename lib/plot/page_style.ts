/** Style of the pages that `renderPage` makes. */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --ink: #1b1f24;
  --soft: #59636e;
  --line: #d8dde3;
  --stripe: #f5f7f9;
  --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b;
    --ink: #e6e8eb;
    --soft: #9aa4af;
    --line: #343a42;
    --stripe: #1c2026;
    --link: #7ab7ff;
  }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 920px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 40px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
p { margin: 0 0 12px; max-width: 72ch; overflow-wrap: anywhere; white-space: pre-line; }
.summary { font-size: 18px; }
a { color: var(--link); }
nav ol { display: flex; flex-wrap: wrap; gap: 2px 32px; margin: 16px 0 0; padding-left: 24px; }
nav li { padding-right: 8px; }
dl { display: grid; grid-template-columns: minmax(8em, max-content) 1fr; gap: 2px 18px; margin: 0 0 14px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: 0 0 14px; }
figcaption { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; font-size: 13.5px; min-width: 100%; }
th, td { padding: 3px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
tbody tr:nth-child(even) { background: var(--stripe); }
caption { color: var(--soft); font-size: 13px; padding-top: 4px; }
pre { background: var(--stripe); border: 1px solid var(--line); border-radius: 4px; padding: 10px 12px; overflow-x: auto; font-size: 12.5px; line-height: 1.4; }
@media print {
  nav { display: none; }
  section { break-inside: avoid; }
  table { font-size: 10px; }
  th, td { padding: 2px 5px; }
}`;
