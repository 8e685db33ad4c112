// Wakes the islands of a page, outermost first, and reads labels. Appended to the module that wasm-bindgen makes:
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

// Labels are read by the camera where the browser can. Refused, or without a camera, the field is there to type in.
if ("BarcodeDetector" in window) {
  for (const button of document.querySelectorAll("[data-scan]")) {
    button.hidden = false;
    button.addEventListener("click", () => scan(button).catch(() => {}));
  }
}

async function scan(button) {
  const place = document.querySelector(`[data-camera="${button.dataset.scan}"]`);
  const field = document.getElementById(button.dataset.scan);
  const video = place.querySelector("video");
  // A second click ends it.
  if (!place.hidden) return void (place.hidden = true);
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    video.srcObject = stream;
    place.hidden = false;
    await video.play();
    const detector = new BarcodeDetector();
    // Four looks a second, for a minute.
    for (let looks = 240; looks > 0 && !place.hidden; looks--) {
      const [code] = await detector.detect(video).catch(() => []);
      if (code) return found(button, field, code.rawValue);
      await new Promise((done) => setTimeout(done, 250));
    }
  } finally {
    place.hidden = true;
    for (const track of stream.getTracks()) track.stop();
  }
}

function found(button, field, code) {
  // What stands behind “#” of a label's address is the device's claim code, which is nobody's business here. A part's
  // number may have that sign in it.
  const [address, ...rest] = code.split("#");
  field.value = rest.length && address.includes("://") ? address : code;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  if ("submit" in button.dataset && field.value) field.form.requestSubmit();
}
