// Rows chosen by check box: "all on this page", a count, and the bar of what can be done with them.
function refresh(scope) {
  const boxes = [...scope.querySelectorAll("input[data-check]")];
  const chosen = boxes.filter((box) => box.checked);
  const all = scope.querySelector("input[data-check-all]");
  if (all) {
    all.checked = boxes.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
  }
  for (const box of boxes) box.closest("tr")?.classList.toggle("is-selected", box.checked);
  const bar = scope.querySelector(".bulk");
  if (!bar) return;
  bar.hidden = chosen.length === 0;
  for (const count of bar.querySelectorAll("[data-count]")) count.textContent = chosen.length.toLocaleString(document.documentElement.lang);
}

document.addEventListener("change", (event) => {
  const scope = event.target.closest("[data-selection]");
  if (!scope || !event.target.matches("[data-check], [data-check-all]")) return;
  if (event.target.matches("[data-check-all]")) {
    for (const box of scope.querySelectorAll("input[data-check]")) box.checked = event.target.checked;
  }
  refresh(scope);
});
document.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-check-none]");
  const scope = clear?.closest("[data-selection]");
  if (!scope) return;
  for (const box of scope.querySelectorAll("input[data-check]")) box.checked = false;
  refresh(scope);
});
document.addEventListener("htmx:load", (event) => {
  const scope = event.detail.elt.closest?.("[data-selection]");
  if (scope) refresh(scope);
});
