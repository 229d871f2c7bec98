// After a refusal (422) the cursor goes to what has to be mended.
function focusProblem(root) {
  const place = root?.querySelector?.(".form-errors") ?? root?.querySelector?.('[aria-invalid="true"]');
  place?.focus();
  return Boolean(place);
}

// What was refused and is changed since is not called wrong any longer: the server says so anew when it is sent.
function settle(event) {
  const control = event.target;
  const form = control.closest?.("form");
  if (!form) return;
  const place = control.closest(".form-field, .form-cell");
  const told = (one) => (one.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
  const named = told(control).find((id) => id.endsWith("-error"));
  const error = place ? place.querySelector(".form-error") : named && document.getElementById(named);
  if (error) {
    error.remove();
    for (const one of place ? place.querySelectorAll("[aria-invalid], [aria-describedby]") : [control]) {
      one.removeAttribute("aria-invalid");
      const others = told(one).filter((id) => id !== error.id);
      if (others.length) one.setAttribute("aria-describedby", others.join(" "));
      else one.removeAttribute("aria-describedby");
    }
  }
  const head = form.querySelector(".form-errors");
  if (!head) return;
  for (const line of head.querySelectorAll("li")) {
    const link = line.querySelector("a");
    if (!link || (error && `${link.hash}-error` === `#${error.id}`)) line.remove();
  }
  if (!head.querySelector("li")) head.remove();
}

document.addEventListener("input", settle);
document.addEventListener("change", settle);

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.xhr?.status === 422) focusProblem(event.detail.elt) || focusProblem(document);
});
if (!focusProblem(document.querySelector("main"))) document.querySelector("[data-autofocus]")?.focus();
