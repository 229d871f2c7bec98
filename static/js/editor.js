// The template editor: variables by click, errors lead to their language, the e-mail is drawn in its sandboxed frame while it is written.
const editor = document.getElementById("editor");
const frameForm = document.getElementById("frame-form");
const PASSED = new Set(["language", "as_contact", "message_class"]);
let timer;

editor.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (button) {
    const field = document.getElementById(button.dataset.into);
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const link = event.target.closest(".form-errors a");
  const hidden = link && document.querySelector(link.hash)?.closest(".text-in");
  if (hidden) document.getElementById(`in-${hidden.dataset.language}`).checked = true;
});

function draw() {
  for (const old of frameForm.querySelectorAll("[data-copied]")) old.remove();
  const written = new FormData(editor);
  for (const [name, value] of written) {
    if (!PASSED.has(name) && !name.startsWith(`${written.get("language")}_`)) continue;
    const input = document.createElement("textarea");
    input.name = name;
    input.value = value;
    input.dataset.copied = "";
    frameForm.append(input);
  }
  frameForm.submit();
}

if (frameForm) {
  const later = () => { clearTimeout(timer); timer = setTimeout(draw, 700); };
  editor.addEventListener("input", later);
  document.getElementById("as_contact").addEventListener("input", later);
  draw();
}
