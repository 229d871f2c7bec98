// Swaps that keep focus and scroll: hx-swap="morph:outerHTML" and "morph:innerHTML" (the body has hx-ext="morph").
// Ours instead of idiomorph-ext 0.8, which calls every swap style inline, so that htmx nested the toasts' container
// in itself, and which builds a Function of other styles, which the policy forbids.
const styles = { morph: "outerHTML", "morph:outerHTML": "outerHTML", "morph:innerHTML": "innerHTML" };

window.htmx.defineExtension("morph", {
  isInlineSwap: (swapStyle) => styles[swapStyle] === "outerHTML",
  handleSwap(swapStyle, target, fragment) {
    const morphStyle = styles[swapStyle];
    return morphStyle ? window.Idiomorph.morph(target, fragment.children, { morphStyle }) : false;
  },
});
