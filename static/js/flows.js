// The flow editor: every edit is a small post that answers with the newest canvas. Dragging, the menu of the "+", the keys and
// the zoom are here; what they lead to is decided by the server, and everything is possible without them in the panel.
import { onLoad } from "./http.js";
import { sortable } from "./lazy.js";
import { typing } from "./search.js";

const shell = document.querySelector(".flow-shell");
const menu = document.getElementById("add-step");
const editor = () => document.getElementById("editor");
const node = (id) => document.getElementById(`step-${id}`);
const steps = () => new Set([...document.querySelectorAll("#canvas [data-id]")].map((li) => li.dataset.id));

// One edit after the other: only the answer to the one before tells the revision that the next is made from. A form of the panel
// that is on its way is such an edit, too.
let last = Promise.resolve();
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.target?.id !== "editor") return;
  const answered = new Promise((done) => detail.xhr.addEventListener("loadend", () => setTimeout(done)));
  last = last.then(() => answered);
});

function send(values) {
  const before = last;
  const sent = before.then(() => post(values));
  last = sent.catch(() => {});
  return sent;
}

async function post(values) {
  const { revision, ops } = editor().dataset;
  const before = steps();
  await window.htmx.ajax("POST", ops, { target: "#editor", swap: "morph:outerHTML", values: { revision, ...values } });
  window.htmx.process(editor()); // htmx does so a moment later; until then a click on a new step would leave the page
  const added = [...steps()].find((id) => !before.has(id));
  if (["insert", "paste", "duplicate"].includes(values.op) && added) open(added);
  else if (values.id) node(values.id)?.focus();
}

function open(id) {
  node(id)?.focus();
  node(id)?.click();
}

// Dragging: from the palette a copy, between lanes the step itself. The index counts the steps before it.
const place = (item) => ({ lane: item.parentElement.dataset.lane, index: [...item.parentElement.children].filter((one) => one === item || one.matches(".node-li")).indexOf(item) });
async function makeDraggable() {
  const Sortable = await sortable();
  for (const list of document.querySelectorAll("[data-palette]")) {
    if (!Sortable.get(list)) Sortable.create(list, { group: { name: "flow", pull: "clone", put: false }, sort: false });
  }
  for (const lane of document.querySelectorAll("#canvas [data-lane]")) {
    if (Sortable.get(lane)) continue;
    Sortable.create(lane, {
      group: "flow",
      draggable: ".node-li, .palette-step",
      animation: 120,
      onAdd({ item }) {
        const at = place(item);
        const { type, id } = item.dataset;
        if (type) item.remove();
        send(type ? { op: "insert", type, ...at } : { op: "move", id, ...at });
      },
      onUpdate: ({ item }) => send({ op: "move", id: item.dataset.id, ...place(item) }),
    });
  }
}
onLoad(makeDraggable);

// The menu of a "+": placed at it, walked through by the arrows.
let slot = null;
const items = () => [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];
const copied = () => JSON.parse(localStorage.getItem("carillon-copied-step") ?? "null");

function ask(where) {
  slot = where;
  const there = copied();
  const paste = menu.querySelector("[data-paste]");
  paste.hidden = !there;
  paste.querySelector("[data-copied]").textContent = there?.title ?? "";
  menu.showPopover();
  const at = where.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const top = Math.max(8, Math.min(at.bottom + 4, innerHeight - box.height - 8));
  const left = Math.max(8, Math.min(at.left + at.width / 2 - box.width / 2, innerWidth - box.width - 8));
  Object.assign(menu.style, { positionArea: "none", inset: `${top}px auto auto ${left}px` });
  items()[0].focus();
}

function paste(lane, index) {
  const { flow, id } = copied();
  return send({ op: "paste", from: flow, id, lane, index });
}

document.addEventListener("click", (event) => {
  const plus = event.target.closest(".slot-add");
  if (plus) {
    event.preventDefault();
    ask(plus);
  }
  const go = event.target.closest("[data-go]");
  if (go) {
    event.preventDefault();
    go.closest("details").open = false;
    node(go.dataset.go)?.scrollIntoView({ block: "center", inline: "center" });
    open(go.dataset.go);
  }
  const zoom = event.target.closest("[data-zoom]");
  if (zoom) magnify(Number(zoom.dataset.zoom));
});
menu.addEventListener("click", (event) => {
  const item = event.target.closest("[role=menuitem]");
  if (!item || !slot) return;
  menu.hidePopover();
  const [lane, index] = slot.dataset.slot.split(" ");
  if (item.dataset.add) send({ op: "insert", type: item.dataset.add, lane, index });
  else paste(lane, index);
});
menu.addEventListener("keydown", (event) => {
  const all = items();
  const at = all.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  all.at(next % all.length).focus();
});
menu.addEventListener("toggle", (event) => { if (event.newState === "closed" && document.activeElement === document.body) slot?.focus(); });

// Keys on the canvas. Left and right go to the neighbouring branch, the way the page is written.
function neighbour(here, way) {
  const branch = here.closest(".branch");
  const next = way > 0 ? branch?.nextElementSibling : branch?.previousElementSibling;
  return next?.querySelector(".node, .slot-add");
}

function key(event) {
  const here = event.target.closest("#canvas .node, #canvas .slot-add");
  const held = event.ctrlKey || event.metaKey;
  const letter = event.key.toLowerCase();
  if (held && letter === "z" && !typing(event.target)) return () => document.getElementById(event.shiftKey ? "do-redo" : "do-undo").click();
  if (!here) return null;
  const { step } = here.dataset;
  const isStep = step && step !== "trigger";
  const [lane, index] = (here.matches(".slot-add") ? here : here.closest(".node-li, .lane")?.nextElementSibling?.querySelector(".slot-add") ?? document.querySelector(".slot-add")).dataset.slot.split(" ");
  if (held && letter === "c" && isStep) return () => localStorage.setItem("carillon-copied-step", JSON.stringify({ flow: editor().dataset.flow, id: step, title: here.querySelector("strong").textContent }));
  if (held && letter === "v" && copied()) return () => paste(lane, index);
  if (held && letter === "d" && isStep) return () => send({ op: "duplicate", id: step });
  if (event.altKey && isStep && ["ArrowUp", "ArrowDown"].includes(event.key)) return () => send({ op: event.key === "ArrowUp" ? "up" : "down", id: step });
  if (held || event.altKey) return null;
  if (event.key === "Delete" && isStep) return () => send({ op: "delete", id: step }).then(() => document.querySelector("#canvas .node").focus());
  if (event.key === "+") return () => ask(document.querySelector(`[data-slot="${lane} ${index}"]`));
  if (event.key === " ") return () => here.click();
  const all = [...document.querySelectorAll("#canvas .node, #canvas .slot-add")];
  const at = all.indexOf(here);
  const mirrored = document.dir === "rtl" ? -1 : 1;
  const next = {
    ArrowDown: all[at + 1], ArrowUp: all[at - 1], Home: all[0], End: all.at(-1),
    ArrowRight: neighbour(here, mirrored), ArrowLeft: neighbour(here, -mirrored),
  }[event.key];
  return next ? () => next.focus() : null;
}
document.addEventListener("keydown", (event) => {
  const act = key(event);
  if (!act) return;
  event.preventDefault();
  act();
});

// The zoom stands on the shell, which is never exchanged.
let size = 1;
function magnify(step) {
  const [view, canvas] = [document.querySelector(".flow-view"), document.getElementById("canvas")];
  const whole = Math.min(view.clientWidth / (canvas.scrollWidth + 32), view.clientHeight / (canvas.scrollHeight + 32));
  size = step ? size * (step > 0 ? 1.25 : 0.8) : size * whole;
  size = Math.max(0.3, Math.min(2, size));
  shell.style.setProperty("--zoom", size);
}

// What the canvas stands on now, and which step the panel shows.
onLoad(() => {
  for (const field of shell.querySelectorAll("[name=revision]")) field.value = editor().dataset.revision;
  const chosen = document.getElementById("panel").dataset.open;
  for (const one of document.querySelectorAll("#canvas .node")) one.toggleAttribute("aria-current", one.dataset.step === chosen);
  const current = document.querySelector("#canvas [aria-current]");
  current?.setAttribute("aria-current", "step");
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "panel" && window.innerWidth < 768) event.target.scrollIntoView({ behavior: "smooth" });
});
