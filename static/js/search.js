// The search palette: "/" or Ctrl-K puts the cursor into the search field, the arrows walk through the results.
const field = document.getElementById("find");
const results = () => [...document.querySelectorAll("#search-results a")];
const typing = (element) => element.closest("input, textarea, select, [contenteditable], dialog[open]");
const SWITCH = "carillon-slash";  // one-key shortcuts must be switchable off (WCAG 2.1.4)

function close() {
  document.getElementById("search-results")?.replaceChildren();
}

if (field) {
  document.addEventListener("keydown", (event) => {
    const slash = event.key === "/" && !typing(event.target) && localStorage.getItem(SWITCH) !== "off";
    const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !control) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  field.form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); field.focus(); }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = results();
    if (!links.length) return;
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = links.indexOf(document.activeElement) + step;
    if (next < 0) field.focus();
    else links[next % links.length].focus();
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".find")) close(); });
}

const slashSwitch = document.querySelector("[data-slash-switch]");
if (slashSwitch) {
  slashSwitch.checked = localStorage.getItem(SWITCH) !== "off";
  slashSwitch.addEventListener("change", () => localStorage.setItem(SWITCH, slashSwitch.checked ? "on" : "off"));
}
