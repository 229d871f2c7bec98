// After a refusal (422) the cursor goes to what has to be mended.
function focusProblem(root) {
  const place = root?.querySelector?.(".form-errors") ?? root?.querySelector?.('[aria-invalid="true"]');
  place?.focus();
  return Boolean(place);
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.xhr?.status === 422) focusProblem(event.detail.elt) || focusProblem(document);
});
if (!focusProblem(document.querySelector("main"))) document.querySelector("[data-autofocus]")?.focus();
