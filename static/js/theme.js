// The theme changes at once and is kept by the server; without script the same form loads the page again.
import { token } from "./http.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-theme-switch]");
  if (!form) return;
  event.preventDefault();
  const theme = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
  document.documentElement.dataset.bsTheme = theme;
  for (const input of document.querySelectorAll("form[data-theme-switch] [name=theme]")) {
    input.value = theme === "dark" ? "light" : "dark";
  }
  fetch(form.action, {
    method: "POST",
    headers: { "X-CSRFToken": token(), "HX-Request": "true" },
    body: new URLSearchParams({ theme }),
  });
});
