// The server decides when a session ends; this only warns two minutes before, and tells the other tabs of activity.
import { token } from "./http.js";
import { leave } from "./guard.js";

const meta = document.querySelector('meta[name="session-seconds"]');
const dialog = document.getElementById("idle");
const WARN_SECONDS = 120;

if (meta && dialog) {
  const length = Number(meta.content) * 1000;
  const ping = dialog.dataset.ping;
  const left = dialog.querySelector("[data-left]");
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("carillon-session") : null;
  let ends = Date.now() + length;

  const renew = (tell = true) => {
    ends = Date.now() + length;
    if (dialog.open) dialog.close();
    if (tell) tabs?.postMessage("renewed");
  };
  tabs?.addEventListener("message", () => renew(false));
  tabs?.postMessage("renewed");

  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr?.status && xhr.status !== 401 && !requestConfig?.headers["X-Poll"]) renew();
  });
  dialog.querySelector("[data-stay]").addEventListener("click", async () => {
    const answer = await fetch(ping, { method: "POST", headers: { "X-CSRFToken": token(), "HX-Request": "true" } }).catch(() => null);
    if (answer?.ok) renew();
    else leave(location.pathname + location.search);
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());

  setInterval(() => {
    const seconds = Math.ceil((ends - Date.now()) / 1000);
    if (seconds <= 0) return leave(location.pathname + location.search);
    if (seconds > WARN_SECONDS) return;
    if (!dialog.open) dialog.showModal();
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }, 1000);
}
