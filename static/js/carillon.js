// What visitors of a bank's site do, told to Carillon: <script src="https://.../js/carillon.js" data-key="pk_..."></script>
(() => {
  const own = document.currentScript;
  const to = new URL("../api/v1/", own.src);
  const headers = { Authorization: `Bearer ${own.dataset.key}`, "Content-Type": "application/json" };
  const memory = {}; // where the browser lets a page keep nothing
  let timer = 0;
  let isSending = false;

  function read(name) {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch {
      return memory[name];
    }
  }

  function write(name, value) {
    memory[name] = value;
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {}
  }

  function random() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function visitor() {
    if (!read("carillon.id")) write("carillon.id", random());
    return { anonymous_id: read("carillon.id") };
  }

  const waiting = () => read("carillon.queue") || [];

  function put(one) {
    write("carillon.queue", [...waiting(), { id: random(), ...one, contact: visitor() }].slice(-500));
    later(200);
  }

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(send, milliseconds);
  }

  // Told in order; what the server has, or will never take, leaves the queue. An event told twice counts once by its id.
  async function send() {
    const all = waiting();
    if (!all.length || isSending || !navigator.onLine) return;
    isSending = true;
    const said = all.findIndex((one) => !one.event);
    const some = said ? all.slice(0, Math.min(50, said < 0 ? 50 : said)) : all.slice(0, 1);
    const { id, ...first } = some[0];
    const body = JSON.stringify(said ? { events: some } : first);
    let wait = 30000;
    try {
      const url = new URL(said ? "batch" : "identify", to);
      const answer = await fetch(url, { method: "POST", headers, body, keepalive: body.length < 60000 });
      if (answer.status !== 429 && answer.status < 500) {
        const done = new Set(some.map((one) => one.id));
        write("carillon.queue", waiting().filter((one) => !done.has(one.id)));
        wait = 0;
      }
    } catch {}
    isSending = false;
    if (waiting().length) later(wait);
  }

  function track(event, properties = {}) {
    put({ event, properties, occurred_at: new Date().toISOString() });
  }

  window.carillon = {
    track,
    page: (properties) => track("page", { path: location.pathname, title: document.title, ...properties }),
    identify: (token, traits = {}) => put({ token, traits }),
    reset: () => write("carillon.id", null), // at sign-out: whoever comes next is somebody else
  };
  addEventListener("online", send);
  addEventListener("pagehide", send);
  later(0);
})();
