import type { Sql } from "../core/sql.ts";
import type { DeadLetterMessage, DirectoryRpc } from "../directory/rpc.ts";
import type { LogFields } from "../log.ts";
import type { TopicLogRpc } from "../topic-log/rpc.ts";
import type { Part } from "./rpc.ts";

/** Everything a subscription needs from outside; the object gives the platform's, the simulation its own. */
export interface SubscriptionDeps {
  readonly sql: Sql;
  /** Of the gateway, for `user-agent`. */
  readonly version: string;
  /** Unix milliseconds. */
  now(): number;
  /** 0..1, for the jitter of retries. */
  chance(): number;
  newAttemptId(): string;
  /** Runs after everything that has already arrived. */
  defer(run: () => void): void;
  sleep(milliseconds: number): Promise<void>;
  /** Sets the alarm unless an earlier one is pending. Synchronous: it belongs to the commit around it. */
  alarm(at: number): void;
  /** Work that goes on after the answer. */
  background(work: Promise<void>): void;
  /** Frees all storage of a deleted subscription. */
  wipe(): Promise<void>;
  topicLog(
    tenant: string,
    topic: string,
  ): Pick<
    TopicLogRpc,
    "register" | "unregister" | "setFilter" | "fetchFor" | "peekFor" | "previousFor" | "locate" | "countFor" | "append"
  >;
  directory(
    tenant: string,
  ): Pick<DirectoryRpc, "putSubscription" | "removeSubscription" | "removeDeadLetters" | "ensureTopic">;
  /** Hands a part to a stateless deliverer; resolves when it is accepted, long before it is done. */
  deliver(part: Part): Promise<void>;
  /** A hint to come back, through the retry queue. */
  scheduleRetry(delaySeconds: number): Promise<void>;
  sendDeadLetter(message: DeadLetterMessage): Promise<void>;
  log(event: string, fields: LogFields): void;
}
