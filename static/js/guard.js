// Unsaved changes: a form with data-guard is dirty from its first change until it is sent.
let leaving = false;

const dirty = () => document.querySelector("form[data-guard][data-dirty]");
const mark = (event) => {
  const form = event.target.closest?.("form[data-guard]");
  if (form && !event.target.matches("[data-unguarded]")) form.dataset.dirty = "";
};

document.addEventListener("input", mark);
document.addEventListener("change", mark);
document.addEventListener("submit", (event) => { delete event.target.dataset.dirty; });
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, requestConfig } = event.detail;
  if (successful && requestConfig?.verb !== "get" && elt.matches?.("form[data-guard]")) delete elt.dataset.dirty;
});
window.addEventListener("beforeunload", (event) => { if (!leaving && dirty()) event.preventDefault(); });

// Leave without the question: the session is over and nothing could be saved any more.
export function leave(address) {
  leaving = true;
  location.assign(address);
}
