// The repair desk in the hand: what is typed is kept until the server has it and checked meanwhile, labels are read by
// the camera, and a label's code is taken out of the address. Appended to the module that wasm-bindgen makes, as boot.js
// is.

document.querySelectorAll("form[data-keep]").forEach(keep);
document.querySelectorAll("form[data-check]").forEach(check);
document.querySelectorAll("form[data-onward]").forEach(carry);
document.querySelectorAll("form[data-fragment]").forEach(fill);

// The code of a scanned label stands in the address's fragment, which is sent to no server. Browsers hand it on from a
// form's address to the page that the answer leads to, so it outlasts the sign-in.
function carry(form) {
  const path = form.getAttribute("action");
  const onward = () => (form.action = path + location.hash);
  onward();
  addEventListener("hashchange", onward);
}

// Fills in that code. Scanned again in the same tab, the next label changes nothing but the fragment.
function fill(form) {
  const field = form.elements[form.dataset.fragment];
  const code = () => location.hash.replace(/[^0-9a-z]/gi, "");
  const isWhole = () => code().length === Number(form.dataset.length);
  if (!field.value && isWhole()) field.value = code();
  addEventListener("hashchange", () => {
    if (isWhole()) field.value = code();
  });
}

// Shows what is to be said of a part a moment after the last letter; a late answer to an earlier question is dropped.
function check(form) {
  const says = form.querySelector("[data-says]");
  let turn = 0;
  async function ask() {
    const asked = ++turn;
    await new Promise((done) => setTimeout(done, 80));
    if (asked !== turn) return;
    const answer = await fetch(`${form.dataset.check}?${new URLSearchParams(typed(form))}`).catch(() => null);
    const html = answer?.ok && !answer.redirected ? await answer.text() : "";
    if (asked === turn) says.innerHTML = html;
  }
  form.addEventListener("input", ask);
  ask();
}

// Keeps what is typed in this browser. What is kept begins with the stamp under which it was sent: a page with another
// stamp shows that the server has it, one with the same that it never got there.
function keep(form, n) {
  const { keep: stamp, keepOf = "" } = form.dataset;
  // One form may be about several things: what was typed of one slot is none of the next one's.
  const key = `keep:${form.getAttribute("action")}:${n}:${keepOf}`;
  try {
    restore(form, key, stamp);
    for (const event of ["input", "submit"]) {
      form.addEventListener(event, () => {
        const sent = event === "submit" ? stamp : "";
        localStorage.setItem(key, JSON.stringify({ sent, typed: typed(form) }));
      });
    }
  } catch {
    // Nothing can be kept here: storage is switched off or full.
  }
}

function fields(form) {
  return [...form.querySelectorAll("input:not([type=hidden]):not([type=file]), select, textarea")];
}

function typed(form) {
  const chosen = fields(form).filter((field) => field.type !== "radio" || field.checked);
  return Object.fromEntries(chosen.map((field) => [field.name, field.value]));
}

function restore(form, key, stamp) {
  const kept = JSON.parse(localStorage.getItem(key));
  if (!kept) return;
  if (kept.sent && kept.sent !== stamp) return localStorage.removeItem(key);
  // It never got there. From now on it counts as not sent: the next stamp may come of another form of the page.
  localStorage.setItem(key, JSON.stringify({ ...kept, sent: "" }));
  let isBack = false;
  for (const field of fields(form)) {
    const before = kept.typed[field.name];
    if (!before) continue;
    if (field.type === "radio") {
      field.checked = field.value === before;
    } else if (field.value !== before) {
      field.value = before;
      isBack = true;
    }
  }
  const says = form.querySelector("[data-kept]");
  if (says) says.hidden = !isBack;
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
