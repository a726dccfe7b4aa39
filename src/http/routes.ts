import type { Route } from "./call.ts";
import { listDeadLetters } from "./dead-letters.ts";
import { cancelDelivery, getDelivery, listDeliveries, retryDelivery } from "./deliveries.ts";
import { postDemo, postDemoReceiver, putDemoReceiver } from "./demo.ts";
import { eraseEvent, eraseKey } from "./erase.ts";
import { getEvent, listEventDeliveries, listEvents } from "./events.ts";
import { ofSource, ofSubscription } from "./existing.ts";
import { testFilter } from "./filter-test.ts";
import { getHealth } from "./health.ts";
import { getProblem } from "./problem-pages.ts";
import { publishEvents } from "./publish.ts";
import { deleteDeadLetters, redriveDeadLetters } from "./redrive.ts";
import { rotateSecret } from "./rotate-secret.ts";
import { seekSubscription } from "./seek.ts";
import { deleteSource, getSource, listSources, patchSource, postSource, putSource } from "./sources.ts";
import { getStats } from "./stats.ts";
import { listSubscriptions } from "./subscription-list.ts";
import {
  deleteSubscription,
  getSubscription,
  patchSubscription,
  pauseSubscription,
  postSubscription,
  putSubscription,
  resumeSubscription,
} from "./subscriptions.ts";
import { testSubscription } from "./test-send.ts";
import { deleteTopic, getTopic, listTopics, putTopic } from "./topics.ts";
import { receiveWebhook } from "./webhooks-in.ts";

const PAGE = ["limit", "cursor"];
const EVENTS = [...PAGE, "after", "before", "partition", "since", "until", "order", "type", "key"];
const SUBSCRIPTIONS = [...PAGE, "topic", "state", "health"];
const DELIVERIES = [...PAGE, "state", "type", "since", "until"];
const STATS = ["topic", "subscription", "since", "resolution"];
const DEAD_LETTERS = [...PAGE, "topic", "subscription", "reason", "since", "until"];

const SUBSCRIPTION = "/v1/subscriptions/:subscription";
const SOURCE = "/v1/sources/:source";
const DELIVERY = `${SUBSCRIPTION}/deliveries/:event`;

/* The API, route by route. Any other method on one of these paths is 405, any other path 404. */
const table: readonly Route[] = [
  { method: "POST", path: "/v1/topics/:topic/events", scope: "publish", handler: publishEvents },
  { method: "GET", path: "/v1/topics/:topic/events", scope: "read", query: EVENTS, handler: listEvents },
  { method: "GET", path: "/v1/topics/:topic/events/:event", scope: "read", handler: getEvent },
  { method: "DELETE", path: "/v1/topics/:topic/events", scope: "manage", query: ["key", "cursor"], handler: eraseKey },
  { method: "DELETE", path: "/v1/topics/:topic/events/:event", scope: "manage", handler: eraseEvent },
  {
    method: "GET",
    path: "/v1/topics/:topic/events/:event/deliveries",
    scope: "read",
    query: PAGE,
    handler: listEventDeliveries,
  },

  {
    method: "POST",
    path: "/v1/topics/:topic/filter-test",
    scope: "manage",
    query: ["cursor"],
    handler: testFilter,
  },

  { method: "GET", path: "/v1/topics", scope: "read", query: PAGE, handler: listTopics },
  { method: "GET", path: "/v1/topics/:topic", scope: "read", handler: getTopic },
  { method: "PUT", path: "/v1/topics/:topic", scope: "manage", handler: putTopic },
  { method: "DELETE", path: "/v1/topics/:topic", scope: "manage", query: ["force"], handler: deleteTopic },

  { method: "GET", path: "/v1/subscriptions", scope: "read", query: SUBSCRIPTIONS, handler: listSubscriptions },
  { method: "POST", path: "/v1/subscriptions", scope: "manage", handler: postSubscription },
  { method: "GET", path: SUBSCRIPTION, scope: "read", handler: getSubscription },
  { method: "PUT", path: SUBSCRIPTION, scope: "manage", handler: putSubscription },
  { method: "PATCH", path: SUBSCRIPTION, scope: "manage", handler: patchSubscription },
  { method: "DELETE", path: SUBSCRIPTION, scope: "manage", handler: deleteSubscription },
  { method: "POST", path: `${SUBSCRIPTION}/pause`, scope: "manage", handler: pauseSubscription },
  { method: "POST", path: `${SUBSCRIPTION}/resume`, scope: "manage", handler: resumeSubscription },
  { method: "POST", path: `${SUBSCRIPTION}/seek`, scope: "manage", handler: seekSubscription },
  { method: "POST", path: `${SUBSCRIPTION}/test`, scope: "manage", handler: testSubscription },
  { method: "POST", path: `${SUBSCRIPTION}/rotate-secret`, scope: "manage", handler: rotateSecret },

  { method: "GET", path: `${SUBSCRIPTION}/deliveries`, scope: "read", query: DELIVERIES, handler: listDeliveries },
  { method: "GET", path: DELIVERY, scope: "read", handler: getDelivery },
  { method: "POST", path: `${DELIVERY}/retry`, scope: "manage", handler: retryDelivery },
  { method: "POST", path: `${DELIVERY}/cancel`, scope: "manage", handler: cancelDelivery },
  { method: "POST", path: `${SUBSCRIPTION}/dead-letters/redrive`, scope: "manage", handler: redriveDeadLetters },
  { method: "DELETE", path: `${SUBSCRIPTION}/dead-letters`, scope: "manage", handler: deleteDeadLetters },
  { method: "GET", path: "/v1/dead-letters", scope: "read", query: DEAD_LETTERS, handler: listDeadLetters },

  { method: "GET", path: "/v1/sources", scope: "read", query: PAGE, handler: listSources },
  { method: "POST", path: "/v1/sources", scope: "manage", handler: postSource },
  { method: "GET", path: SOURCE, scope: "read", handler: getSource },
  { method: "PUT", path: SOURCE, scope: "manage", handler: putSource },
  { method: "PATCH", path: SOURCE, scope: "manage", handler: patchSource },
  { method: "DELETE", path: SOURCE, scope: "manage", handler: deleteSource },
  { method: "POST", path: "/in/:token", scope: "public", query: ["bodySHA256"], handler: receiveWebhook },

  { method: "GET", path: "/v1/stats", scope: "read", query: STATS, handler: getStats },

  { method: "POST", path: "/v1/demo", scope: "manage", handler: postDemo },
  { method: "PUT", path: "/v1/demo/receivers/:receiver", scope: "manage", handler: putDemoReceiver },
  { method: "POST", path: "/demo/receivers/:receiver", scope: "public", query: ["tenant"], handler: postDemoReceiver },

  { method: "GET", path: "/healthz", scope: "public", handler: getHealth },
  { method: "GET", path: "/problems/:code", scope: "public", handler: getProblem },
];

/** All but PUT, which may create it, are about a subscription or a source that is there. */
function aboutOne(route: Route): Route {
  const { method, path, handler } = route;
  if (method === "PUT") return route;
  if (path.startsWith(SUBSCRIPTION)) return { ...route, handler: ofSubscription(handler) };
  return path === SOURCE ? { ...route, handler: ofSource(handler) } : route;
}

export const routes: readonly Route[] = table.map(aboutOne);
