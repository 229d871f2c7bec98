// The page's own script: each module does one thing and works on what htmx brings later, too.
import "./morph.js";
import "./http.js";
import "./toasts.js";
import "./confirm.js";
import "./guard.js";
import "./session.js";
import "./search.js";
import "./keys.js";
import "./theme.js";
import "./menus.js";
import "./paper.js";
import "./forms.js";
import "./choices.js";
