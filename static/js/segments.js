// The segment builder: dragging rows, Enter recounts instead of saving, and what is being typed is never overwritten.
import { onLoad } from "./http.js";
import { sortable } from "./lazy.js";

const form = document.getElementById("seg");
const live = document.getElementById("live");

// Everything is where it stands in the form, so a drop has only to ask the server to read it again.
async function makeDraggable() {
  const Sortable = await sortable();
  live.classList.add("seg-can-drag");
  for (const list of live.querySelectorAll("[data-seg-list]")) {
    if (Sortable.get(list)) continue;
    Sortable.create(list, {
      group: "segment",
      draggable: "[data-seg-node]",
      handle: "[data-seg-handle]",
      animation: 120,
      fallbackOnBody: true,
      swapThreshold: 0.65,
      onEnd: () => window.htmx.trigger(live, "seg:reorder"),
    });
  }
}
onLoad(makeDraggable);

live.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox])")) return;
  event.preventDefault();
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});

// A letter typed while the answer was on its way: that answer is old, the next one is coming.
live.addEventListener("htmx:beforeSwap", (event) => {
  const typing = document.activeElement;
  const { parameters } = event.detail.requestConfig ?? {};
  if (!parameters || !typing?.matches("#builder input[type=text], #builder textarea")) return;
  const sent = parameters instanceof FormData ? parameters.getAll(typing.name) : [parameters[typing.name]].flat();
  const same = sent.some((value) => value === typing.value || value?.replaceAll("\r\n", "\n") === typing.value);
  if (!same) event.detail.shouldSwap = false;
});

// A button that is gone takes the focus with it: go to the row the server points at, or to the form's first button.
let pressed = null;
live.addEventListener("htmx:beforeRequest", (event) => { pressed = event.target.matches("button, .menu-item") ? event.target.id : null; });
live.addEventListener("htmx:afterSettle", () => {
  if (!pressed) return;
  const look = document.querySelector("#builder [data-look]");
  const lost = document.activeElement === document.body || !document.activeElement?.isConnected;
  if (look && (lost || pressed.startsWith("do-add-"))) look.focus();
  else if (lost) document.querySelector("#builder .seg-foot button")?.focus();
  pressed = null;
});
// What a button does is a change, too.
live.addEventListener("htmx:afterRequest", (event) => { if (event.target.matches("button")) form.dataset.dirty = ""; });
