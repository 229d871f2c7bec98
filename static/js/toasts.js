// Toasts: good news goes by itself, errors stay until they are closed, or until newer ones need their place.
import { onLoad, matches } from "./http.js";

const place = document.getElementById("toasts");
const MOST = 3; // more would cover what is worked on
const stays = (notice) => notice.matches(".notice-error, .notice-warning");
const words = (notice) => notice.querySelector("p").textContent;

// What says the same again takes the place of the one before; of too many the oldest go, good news first.
function makeRoom() {
  const all = [...place.querySelectorAll(".notice")].reverse();
  const [newest, ...older] = all.filter((one, n) => all.findIndex((other) => words(other) === words(one)) === n);
  const kept = [newest, ...older.sort((one, other) => stays(other) - stays(one))].slice(0, MOST);
  for (const one of all) if (!kept.includes(one)) one.remove();
}

function settle(notice) {
  if (notice.dataset.settled) return;
  notice.dataset.settled = "1";
  makeRoom();
  notice.querySelector("[data-close]")?.addEventListener("click", () => notice.remove());
  if (stays(notice)) return;
  let timer;
  const wait = () => { timer = setTimeout(() => notice.remove(), 7000); };
  notice.addEventListener("pointerenter", () => clearTimeout(timer));
  notice.addEventListener("pointerleave", wait);
  notice.addEventListener("focusin", () => clearTimeout(timer));
  wait();
}

export function toast(level, text) {
  const template = document.getElementById("toast-template");
  const notice = template?.content.querySelector(`.notice-${level}`)?.cloneNode(true);
  if (!notice || !text) return;
  notice.querySelector("p").textContent = text;
  place.append(notice);
  settle(notice);
}

if (place) {
  onLoad((root) => matches(root, ".notice").forEach(settle));
  new MutationObserver(() => place.querySelectorAll(".notice").forEach(settle)).observe(place, { childList: true });
  document.addEventListener("htmx:responseError", (event) => {
    if (!event.detail.xhr.getResponseHeader("HX-Reswap") && event.detail.xhr.status !== 409) toast("error", place.dataset.failed);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => toast("error", place.dataset.offline));
  document.addEventListener("toast", (event) => toast(event.detail.level, event.detail.text));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  toast("success", place?.dataset.copied);
});
