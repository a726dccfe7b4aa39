import { Api, ApiError } from "./api.ts";
import { fill, h } from "./dom.ts";
import { Notice } from "./parts.ts";
import { currentSession, type Session, signOut, takeSessionFromAddress } from "./session.ts";
import { linkTo, parseRoute, type Route, type View } from "./view.ts";
import { showDeadLetters } from "./views/dead-letters.ts";
import { showDelivery } from "./views/delivery.ts";
import { showLog } from "./views/log.ts";
import { showSignIn } from "./views/sign-in.ts";
import { showSubscription } from "./views/subscription.ts";
import { showSubscriptions } from "./views/subscriptions.ts";

const app = document.getElementById("app") ?? document.body;
let shown = new AbortController();

/** Draws the page that the address means, ending the one before. */
function draw(): void {
  takeSessionFromAddress();
  shown.abort();
  shown = new AbortController();
  const session = currentSession();
  if (session === null) showSignIn(app, null, draw);
  else drawPage(session, shown.signal);
}

function drawPage(session: Session, signal: AbortSignal): void {
  const route = parseRoute(location.hash);
  const trouble = new Notice();
  const refusal = new Notice();
  const main = h("main");
  fill(app, header(session, route), trouble.element, refusal.element, main);
  const tell = (notice: Notice) => (thrown: unknown) => {
    if (signal.aborted) return;
    if (thrown instanceof ApiError && thrown.status === 401) leave("This key is not valid (any more).");
    else notice.show(thrown);
  };
  const view: View = {
    api: new Api(session),
    main,
    signal,
    failed: tell(trouble),
    succeeded: () => trouble.clear(),
    act: (action) => {
      refusal.clear();
      return action().catch(tell(refusal));
    },
  };
  showRoute(route, view).catch(view.failed);
}

async function showRoute(route: Route, view: View): Promise<void> {
  switch (route.page) {
    case "log":
      return showLog(view, route.topic);
    case "subscriptions":
      return showSubscriptions(view);
    case "subscription":
      return showSubscription(view, route.id);
    case "delivery":
      return showDelivery(view, route.id, route.event);
    case "dead-letters":
      return showDeadLetters(view);
  }
}

function header(session: Session, route: Route): HTMLElement {
  const tab = (title: string, href: `#/${string}`, pages: readonly Route["page"][]) =>
    h("a", { href, class: pages.includes(route.page) ? "current" : "" }, title);
  return h(
    "header",
    {},
    h("a", { href: "#/", class: "brand" }, "Sluice"),
    h(
      "nav",
      {},
      tab("Log", "#/", ["log"]),
      tab("Subscriptions", linkTo("subscriptions"), ["subscriptions", "subscription", "delivery"]),
      tab("Dead letters", linkTo("dead-letters"), ["dead-letters"]),
    ),
    h("span", { class: "tenant", title: "Tenant" }, session.tenant),
    h("button", { type: "button", class: "link", onClick: () => leave(null) }, "Sign out"),
  );
}

function leave(reason: string | null): void {
  shown.abort();
  signOut();
  showSignIn(app, reason, draw);
}

addEventListener("hashchange", draw);
draw();
