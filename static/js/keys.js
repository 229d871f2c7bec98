// Keys of one letter: a link or button with data-key is followed when its key is pressed and nobody is typing. They are switched
// off together with "/" (WCAG 2.1.4).
import { isOff, typing } from "./search.js";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isOff() || typing(event.target)) return;
  const key = event.key.toLowerCase();
  const found = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!found) return;
  event.preventDefault();
  found.click();
});
