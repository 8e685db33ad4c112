// Compiles each class alone with the official compiler.
// In: {"classes": [name], "colors": [name], "dark": selector}. Out: {name: css}.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { compile } from "tailwindcss";

const { classes, colors, dark } = JSON.parse(await text(process.stdin));
const require = createRequire(import.meta.url);

const sheet = `
  @import "tailwindcss/theme.css" layer(theme);
  @import "tailwindcss/utilities.css" layer(utilities);
  @theme inline {
    --color-*: initial;
    --font-sans: var(--sans);
    --font-mono: var(--mono);
    ${colors.map((name) => `--color-${name}: var(--${name});`).join("\n")}
  }
  @custom-variant dark { ${dark} }
`;

async function loadStylesheet(id, base) {
  const path = require.resolve(id);
  return { path, base, content: await readFile(path, "utf8") };
}

const out = {};
for (const name of classes) {
  const compiler = await compile(sheet, { loadStylesheet });
  out[name] = compiler.build([name]);
}
process.stdout.write(JSON.stringify(out));
