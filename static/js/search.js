// The search palette: "/" or Ctrl-K puts the cursor into the search field, the arrows walk through the results below it, Enter
// goes there. The cursor stays in the field (a combobox with its list box), so that one can go on typing.
const field = document.getElementById("find");
const results = () => [...document.querySelectorAll("#search-results [role=option]")];
export const typing = (element) => element.closest("input, textarea, select, [contenteditable], dialog[open]");
const SWITCH = "carillon-slash";  // one-key shortcuts must be switchable off (WCAG 2.1.4)
export const isOff = () => localStorage.getItem(SWITCH) === "off";

function choose(option) {
  for (const one of results()) one.setAttribute("aria-selected", String(one === option));
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function settle() {
  const list = document.getElementById("search-list");
  field.setAttribute("aria-expanded", String(Boolean(list)));
  field.setAttribute("aria-controls", list ? "search-list" : "search-results");
  choose(null);
}

function close() {
  htmx.trigger(field, "htmx:abort");  // an answer on its way would open it again
  document.getElementById("search-results")?.replaceChildren();
  settle();
}

if (field) {
  document.addEventListener("keydown", (event) => {
    const slash = event.key === "/" && !typing(event.target) && !isOff();
    const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !control) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  field.addEventListener("keydown", (event) => {
    const found = results();
    const at = found.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") {
      event.preventDefault();
      if (!document.getElementById("search-results").childElementCount) field.value = "";
      close();
    } else if (found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose(found[at < 0 && step < 0 ? found.length - 1 : (at + step + found.length) % found.length]);
    } else if (event.key === "Enter" && found.length && !event.isComposing) {
      event.preventDefault();
      found[Math.max(at, 0)].click();
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.elt.id === "search-results") settle(); });
  document.addEventListener("click", (event) => { if (!event.target.closest(".find")) close(); });
}

const slashSwitch = document.querySelector("[data-slash-switch]");
if (slashSwitch) {
  slashSwitch.checked = !isOff();
  slashSwitch.addEventListener("change", () => localStorage.setItem(SWITCH, slashSwitch.checked ? "on" : "off"));
}
