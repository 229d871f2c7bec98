// Before the first paint: who has chosen no theme gets the system's. A choice is kept by the server and wins.
const root = document.documentElement;
if (!("themeChosen" in root.dataset) && matchMedia("(prefers-color-scheme: dark)").matches) {
  root.dataset.bsTheme = "dark";
}
