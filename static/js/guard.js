// Unsaved changes: a form with data-guard is dirty from its first change until it is sent.
import { token } from "./http.js";

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

// The session is over: what was being written is kept for its writer, who finds it after signing in again.
export async function leave(address) {
  const form = dirty();
  leaving = true;
  if (form) {
    const where = new URLSearchParams({ path: form.getAttribute("action") || location.pathname, page: location.pathname + location.search });
    const body = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    await fetch(`/kept?${where}`, { method: "POST", body, headers: { "X-CSRFToken": token() } }).catch(() => null);
  }
  location.assign(address);
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = event.detail;
  const address = xhr.status === 401 && xhr.getResponseHeader("HX-Redirect");
  if (!address || !dirty()) return;
  event.preventDefault();
  leave(address);
});
