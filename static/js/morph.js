// Swaps that keep focus and scroll: hx-swap="morph:outerHTML" and "morph:innerHTML" (the body has hx-ext="morph").
// Ours instead of idiomorph-ext 0.8, which calls every swap style inline, so that htmx nested the toasts' container
// in itself, and which builds a Function of other styles, which the policy forbids.
// What somebody is typing stays his: an answer to its beginning must not take away the letters that came meanwhile.
const typing = () => document.activeElement?.matches("textarea, input:not([type=checkbox]):not([type=radio])");
const styles = { morph: "outerHTML", "morph:outerHTML": "outerHTML", "morph:innerHTML": "innerHTML" };

window.htmx.defineExtension("morph", {
  isInlineSwap: (swapStyle) => styles[swapStyle] === "outerHTML",
  handleSwap(swapStyle, target, fragment) {
    const morphStyle = styles[swapStyle];
    if (!morphStyle) return false;
    return window.Idiomorph.morph(target, fragment.children, { morphStyle, ignoreActiveValue: typing() });
  },
});
