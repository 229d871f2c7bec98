// Vendored scripts that few pages need, loaded once, when the first page part asks for them.
const loading = new Map();

function load(name, element, before = null) {
  if (!loading.has(name)) {
    loading.set(name, new Promise((resolve, reject) => {
      element.onload = resolve;
      element.onerror = reject;
      document.head.insertBefore(element, before);
    }));
  }
  return loading.get(name);
}

const address = (name) => new URL(`../vendor/${name}`, import.meta.url).href;
// Vendored styles go before our own sheet, which dresses them.
const ours = document.querySelector('link[rel="stylesheet"][href$="app.css"]');

export const script = (name) => load(name, Object.assign(document.createElement("script"), { src: address(name) }));
export const style = (name) => load(name, Object.assign(document.createElement("link"), { rel: "stylesheet", href: address(name) }), ours);
export const sortable = () => script("sortable.min.js").then(() => window.Sortable);
export const tomSelect = () =>
  Promise.all([style("tom-select.bootstrap5.min.css"), script("tom-select.complete.min.js")]).then(() => window.TomSelect);
