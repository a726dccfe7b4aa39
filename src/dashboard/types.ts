import type { AttemptErrorCode, DeadReason, DeliveryState, Format, Ordering, Trigger } from "../subscription/rpc.ts";

/** What the HTTP API answers with, as far as this page shows it. Times are RFC 3339. */

export interface List<T> {
  readonly data: readonly T[];
  readonly next: string | null;
}

export interface TopicView {
  readonly name: string;
  readonly description: string;
  readonly log: readonly { readonly firstOffset: number; readonly nextOffset: number; readonly bytes: number }[];
  readonly subscriptions: number;
}

export interface EventView {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly time: string;
  readonly receivedAt: string;
  readonly source: string | null;
  readonly subject: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly cloudEventId: string | null;
  readonly extensions: Readonly<Record<string, string | number | boolean>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly size: number;
  readonly dataBase64?: string;
}

/** An event and the very text of its `data`; null where it is no JSON. */
export interface LoggedEvent {
  readonly event: EventView;
  readonly data: string | null;
}

export interface ErrorView {
  readonly code: AttemptErrorCode;
  readonly message: string;
}

export interface SubscriptionView {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
  readonly url: string;
  readonly description: string;
  readonly filter: { readonly types: readonly string[]; readonly match: unknown } | null;
  readonly ordering: Ordering;
  readonly format: Format;
  readonly timeoutSeconds: number;
  readonly concurrency: number;
  readonly retry: { readonly scheduleSeconds: readonly number[]; readonly holdAfterFailures: number | null };
  readonly state: "active" | "paused" | "disabled";
  readonly disabledReason: string | null;
  readonly createdAt: string;
  readonly lag: number;
  readonly oldestUnsettledAt: string | null;
  readonly health: {
    readonly state: "healthy" | "failing";
    readonly consecutiveFailures: number;
    readonly failingSince: string | null;
    readonly lastError: ErrorView | null;
    readonly nextProbeAt: string | null;
    readonly lastSuccessAt: string | null;
    readonly lastFailureAt: string | null;
  };
}

export interface AttemptSummary {
  readonly number: number;
  readonly trigger: Trigger;
  readonly startedAt: string;
  readonly durationMilliseconds: number | null;
  readonly outcome: "success" | "failure" | "interrupted" | null;
  readonly statusCode: number | null;
  readonly error: ErrorView | null;
}

export interface AttemptView extends AttemptSummary {
  readonly id: string;
  readonly request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyBytes: number;
  };
  readonly response: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly truncated: boolean;
  } | null;
}

interface DeliveryHead {
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly state: DeliveryState;
  readonly lastAttempt: AttemptSummary | null;
  readonly nextAttemptAt: string | null;
}

export interface DeliveryView extends DeliveryHead {
  readonly attempts: number;
}

export interface DeliveryDetail extends DeliveryHead {
  readonly attempts: readonly AttemptView[];
}

export interface DeadLetterView {
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly subscription: string;
  readonly url: string;
  readonly reason: DeadReason;
  readonly attempts: number;
  readonly deadAt: string;
  readonly lastAttempt: {
    readonly startedAt: string;
    readonly statusCode: number | null;
    readonly error: ErrorView | null;
  } | null;
}

export interface ProblemView {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}
