// Long choices: a <select data-choices> becomes a Tom Select; without script it stays a plain list.
import { onLoad, matches } from "./http.js";
import { tomSelect } from "./lazy.js";

onLoad(async (root) => {
  const selects = matches(root, "select[data-choices]:not(.tomselected)");
  if (!selects.length) return;
  const TomSelect = await tomSelect();
  for (const select of selects) {
    if (select.tomselect || !select.isConnected) continue;
    const widget = new TomSelect(select, {
      plugins: select.multiple ? ["remove_button"] : [],
      maxOptions: 500,
      hidePlaceholder: true,
      refreshThrottle: 0,  // who types fast and presses Enter must get what was typed, not what stood there before
      closeAfterSelect: !select.multiple,
    });
    // The label names the visible field from now on; what describes the select describes it, too.
    select.setAttribute("aria-hidden", "true");
    for (const name of ["aria-describedby", "aria-invalid", "aria-label"]) {
      const value = select.getAttribute(name);
      if (value) widget.control_input.setAttribute(name, value);
    }
  }
});
