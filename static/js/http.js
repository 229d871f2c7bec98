// Requests: the CSRF token on every one, and a mark on those no person made, so that polling does not keep a session alive.
export const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:configRequest", (event) => {
  const { headers, triggeringEvent } = event.detail;
  headers["X-CSRFToken"] = token();
  // htmx has no event at hand when it polls or loads by itself.
  if (!triggeringEvent || triggeringEvent.type === "load") headers["X-Poll"] = "true";
});

// An error answer is swapped only if it says how; then it is a toast out of band, or the part in its newest state.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Reswap")) event.detail.shouldSwap = true;
});

// Run `start` on the page and on everything htmx adds to it.
export function onLoad(start) {
  start(document.body);
  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
}

// All matches in an element, itself included.
export function matches(root, selector) {
  const found = [...root.querySelectorAll(selector)];
  return root.matches?.(selector) ? [root, ...found] : found;
}
