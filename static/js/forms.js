// After a refusal (422) the cursor goes to what has to be mended.
function focusProblem(root) {
  const place = root?.querySelector?.(".form-errors") ?? root?.querySelector?.('[aria-invalid="true"]');
  place?.focus();
  return Boolean(place);
}

// What was refused and is changed since is not called wrong any longer: the server says so anew when it is sent.
function settle(event) {
  const form = event.target.closest?.("form[method=post]");
  if (!form) return;
  const place = event.target.closest(".form-field, .form-cell");
  const error = place?.querySelector(".form-error");
  if (error) {
    error.remove();
    for (const one of place.querySelectorAll("[aria-invalid], [aria-describedby]")) {
      one.removeAttribute("aria-invalid");
      const others = (one.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
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
