// Questions: hx-confirm on htmx requests and data-confirm on plain forms, asked in one <dialog>.
// data-confirm-of names boxes: {number} is how many of them are ticked, one has its own question, for none there is nothing to ask.
// data-confirm-word asks to type a word first; data-confirm-label and data-confirm-tone="danger" dress the button.
const dialog = document.getElementById("confirm");

function ask(question, source) {
  const { confirmWord: word, confirmLabel: label, confirmTone: tone } = source.dataset;
  const button = dialog.querySelector('[value="ok"]');
  const typed = dialog.querySelector("[data-typed]");
  const input = typed.querySelector("input");
  dialog.querySelector("[data-question]").textContent = question;
  button.textContent = label || button.dataset.label;
  button.classList.toggle("btn-danger", tone === "danger");
  button.classList.toggle("btn-primary", tone !== "danger");
  typed.hidden = !word;
  typed.querySelector("[data-word]").textContent = word ?? "";
  input.value = "";
  button.disabled = Boolean(word);
  input.oninput = () => { button.disabled = Boolean(word) && input.value.trim() !== word; };
  dialog.returnValue = "";
  dialog.showModal();
  (word ? input : button).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
  });
}

function worded({ dataset }, form) {
  if (!dataset.confirmOf) return dataset.confirm;
  const number = new FormData(form).getAll(dataset.confirmOf).length;
  return number === 1 ? dataset.confirmOne : number && dataset.confirm.replace("{number}", number);
}

if (dialog) {
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, event.detail.elt).then((yes) => { if (yes) event.detail.issueRequest(true); });
  });

  const agreed = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const source = event.submitter?.dataset.confirm ? event.submitter : form;
    const question = source.dataset.confirm && worded(source, form);
    if (!question || agreed.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    ask(question, source).then((yes) => {
      if (!yes) return;
      agreed.add(form);
      form.requestSubmit(submitter);
    });
  }, true);
}
