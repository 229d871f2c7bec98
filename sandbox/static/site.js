// What the bank's pages tell: they know the page and what is done on it; who it is, the server has signed.
const page = document.querySelector("main");
if (window.carillon) {
  if (page.dataset.out) carillon.reset();
  if (page.dataset.token) carillon.identify(page.dataset.token);
  carillon.page();
  if (page.dataset.page === "offer") carillon.track("offer_viewed", { offer: "home loan" });
  if (page.dataset.page === "application") carillon.track("application_begun", { product: "home loan" });
  document.querySelector("#calculator")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const [amount, years] = ["amount", "years"].map((name) => Number(event.target.elements[name].value));
    const month = Math.round((amount * 0.004) / (1 - 1.004 ** (-12 * years)));
    document.querySelector("#rate").textContent = `${month.toLocaleString()} a month`;
    carillon.track("calculator_used", { amount, years });
  });
}
