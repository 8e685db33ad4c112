// Wakes the islands of a page, outermost first. Appended to the module that wasm-bindgen makes:
// the page's script is `init({ module_or_path }).then(hydrate)`.

export async function hydrate() {
  prepare();
  const islands = await import(import.meta.url);
  const waiting = [];

  async function wake(element, name) {
    const island = islands[name];
    if (!island) return console.error(`The page has an island ${name} that this program does not know.`);
    waiting.at(-1)?.();
    await island(element);
  }

  async function walk(element) {
    const tag = element.tagName.toLowerCase();
    if (tag === "leptos-island") await wake(element, element.dataset.component);
    if (tag === "leptos-children") waiting.push(element.$$on_hydrate);
    for (const child of [...element.children]) await walk(child);
    if (tag === "leptos-children") waiting.pop();
  }

  window.__hydrateIsland = wake;
  await walk(document.body);
}
