// One box ticks everybody on the page: [data-tick-all] names the boxes. Without script it is not there.
const offer = (root) => root.querySelectorAll("[data-tick-all]").forEach((all) => { all.hidden = false; });

document.addEventListener("change", ({ target }) => {
  const name = target.dataset?.tickAll;
  if (name) for (const box of target.form.querySelectorAll(`[type=checkbox][name="${name}"]`)) box.checked = target.checked;
});
document.addEventListener("htmx:load", ({ detail }) => offer(detail.elt));
offer(document);
