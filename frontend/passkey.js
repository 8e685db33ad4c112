// Passkeys: asks the browser for one, and sends its answer by the form that the button stands in. The pages that offer
// passkeys bring this along, and no other page. Without it, or in a browser that knows no passkeys, the offers stay hidden.

const { PublicKeyCredential: known } = window;

for (const button of document.querySelectorAll("button[data-passkey]")) {
  const box = button.closest("[data-offer]");
  if (!known?.parseRequestOptionsFromJSON || !box) continue;
  box.hidden = false;
  button.addEventListener("click", () => ask(button));
}

async function ask(button) {
  const { form, dataset } = button;
  if (!form.reportValidity()) return;
  const says = form.querySelector("[data-says]");
  says.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch(dataset.passkey, { method: "POST" });
    if (!answer.ok || answer.redirected) throw new Error(await told(answer));
    form.elements[dataset.field].value = JSON.stringify(await credential(await answer.json(), "make" in dataset));
    form.requestSubmit();
  } catch (error) {
    // Whoever closes the browser's window has changed their mind, and is told no more than that.
    says.textContent = error.name === "NotAllowedError" ? "No passkey was given." : error.message;
  } finally {
    button.disabled = false;
  }
}

function credential(options, isNew) {
  const { credentials } = navigator;
  return isNew
    ? credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
    : credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) });
}

async function told(answer) {
  const isText = (answer.headers.get("content-type") ?? "").startsWith("text/plain");
  return isText ? answer.text() : "Something changed meanwhile. Load this page again.";
}
