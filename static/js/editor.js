// The template editor: variables by click, and the e-mail drawn in its sandboxed frame while it is written.
const editor = document.getElementById("editor");
const frameForm = document.getElementById("frame-form");
const outside = ["language", "as_contact"];
let timer;

editor.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  const field = document.getElementById(button.dataset.into);
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

function draw() {
  for (const old of frameForm.querySelectorAll("[data-copied]")) old.remove();
  const language = document.getElementById("language").value;
  const names = [`${language}_subject`, `${language}_body`];
  const values = [...new FormData(editor)].filter(([name]) => names.includes(name) || name === "message_class" || outside.includes(name));
  for (const [name, value] of values) {
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
  for (const id of outside) document.getElementById(id).addEventListener("input", later);
  document.getElementById("narrow").addEventListener("change", (event) => {
    document.getElementById("frame").classList.toggle("is-narrow", event.target.checked);
  });
  draw();
}
