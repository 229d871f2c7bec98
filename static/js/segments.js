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

// What was typed or chosen while the answer was on its way is newer than the answer: it stays. Its own event asks the server next.
let sent = null;
live.addEventListener("htmx:beforeSwap", (event) => {
  const { parameters } = event.detail.requestConfig ?? {};
  sent = parameters && ((name) => (parameters instanceof FormData ? parameters.getAll(name) : [parameters[name] ?? []].flat()));
});
live.addEventListener("htmx:afterSwap", () => { sent = null; });

const plain = (value) => value.replaceAll("\r\n", "\n");

function isNewer(control) {
  const values = sent(control.name).map(plain);
  if (control.type === "checkbox") return values.includes(control.value) !== control.checked;
  const place = [...form.elements].filter((other) => other.name === control.name).indexOf(control);
  return values[place] !== plain(control.value);
}

function keep(control, drawn) {
  if (control.type === "checkbox") drawn.toggleAttribute("checked", control.checked);
  else if (control.matches("textarea")) drawn.textContent = control.value;
  else if (control.matches("input")) drawn.setAttribute("value", control.value);
  else for (const option of drawn.options) option.toggleAttribute("selected", option.value === control.value);
}

window.Idiomorph.defaults.callbacks.beforeNodeMorphed = (control, drawn) => {
  const isControl = sent && control.matches?.("#builder :is(input:not([type=hidden]), textarea, select)");
  if (isControl && drawn.matches?.(control.localName) && isNewer(control)) keep(control, drawn);
  return true;
};

// A button that is gone takes the focus with it: go to the row the server points at, or to the form's first button.
live.addEventListener("htmx:afterSettle", (event) => {
  const pressed = event.detail.requestConfig?.elt;
  if (!pressed?.matches("button, .menu-item")) return;
  const look = document.querySelector("#builder [data-look]");
  const lost = document.activeElement === document.body || !document.activeElement?.isConnected;
  if (look && (lost || pressed.id.startsWith("do-add-"))) look.focus();
  else if (lost) document.querySelector("#builder .seg-foot button")?.focus();
});
// What a button does is a change, too.
live.addEventListener("htmx:afterRequest", (event) => { if (event.target.matches("button")) form.dataset.dirty = ""; });
