// Keys for a page of rows: J and K go down and up, Enter opens, O overrides. They are silent while somebody types.
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-rows] tr")];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const found = rows();
  const at = found.findIndex((row) => row.contains(document.activeElement));
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    const next = found[Math.min(Math.max(at + (key === "j" ? 1 : -1), 0), found.length - 1)];
    next?.querySelector("[data-open]")?.focus();
    event.preventDefault();
  } else if (at >= 0) {
    found[at].querySelector(`[data-act="${key}"]`)?.click();
  }
});
