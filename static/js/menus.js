// Menus are native popovers and work without script; this places them where CSS cannot yet, and closes them.
const placed = CSS.supports("position-area", "block-end");

if (!placed) {
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (event.newState !== "open" || !menu.matches?.(".menu")) return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const box = menu.getBoundingClientRect();
    const below = button.bottom + box.height < innerHeight ? button.bottom : button.top - box.height - 8;
    const start = document.dir === "rtl" ? button.left : button.right - box.width;
    menu.style.setProperty("inset", `${below}px auto auto ${Math.max(8, Math.min(start, innerWidth - box.width - 8))}px`);
  }, true);
}

document.addEventListener("click", (event) => {
  const item = event.target.closest(".menu .menu-item");
  if (item && !item.matches("label")) item.closest("[popover]")?.hidePopover();
});

window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(".chart details")) details.open = true;
});
