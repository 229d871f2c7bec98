// Paper is white and does not scroll: what is printed is light, and a flow is drawn as wide as the paper or becomes an outline.
const WIDE = matchMedia("(min-width: 768px)"); // from where on flows are drawn (flows.css)
const PAPER = 980; // pixels between the margins of A4 across
const SMALLEST = 0.5; // smaller than that nobody reads it
const root = document.documentElement;
let undo = [];

function widthOf(canvas) {
  canvas.style.setProperty("--zoom", 1);
  canvas.style.minInlineSize = "0";
  const width = canvas.scrollWidth;
  canvas.style.minInlineSize = "";
  return width;
}

function fit(canvas) {
  const around = canvas.closest(".flow-shell, .flow-drawn");
  const before = canvas.style.getPropertyValue("--zoom");
  const zoom = Math.min(1, PAPER / widthOf(canvas));
  const drawn = WIDE.matches && zoom >= SMALLEST;
  const added = !drawn && around && !around.classList.contains("outline");
  if (added) around.classList.add("outline");
  canvas.style.setProperty("--zoom", drawn ? zoom : 1);
  undo.push(() => {
    canvas.style.setProperty("--zoom", before || 1);
    if (added) around.classList.remove("outline");
  });
}

addEventListener("beforeprint", () => {
  const theme = root.dataset.bsTheme;
  root.dataset.bsTheme = "light";
  undo.push(() => { root.dataset.bsTheme = theme; });
  document.querySelectorAll(".canvas").forEach(fit);
});
addEventListener("afterprint", () => {
  undo.forEach((step) => step());
  undo = [];
});
