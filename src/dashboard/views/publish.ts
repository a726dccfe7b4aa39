import { fill, h } from "../dom.ts";
import { code } from "../parts.ts";
import type { View } from "../view.ts";

interface Published {
  readonly id: string;
  readonly offset: number;
}

/** A form that publishes one event to `topic`, or to one that is named in it. `onPublished` gets the topic. */
export function publishForm(view: View, topic: string | null, onPublished: (topic: string) => unknown): HTMLElement {
  const name = h("input", {
    type: "text",
    required: true,
    placeholder: "orders",
    spellcheck: "false",
    autocomplete: "off",
  });
  const type = h("input", {
    type: "text",
    required: true,
    value: "order.created",
    spellcheck: "false",
    autocomplete: "off",
  });
  const key = h("input", { type: "text", placeholder: "none", spellcheck: "false", autocomplete: "off" });
  const data = h("textarea", { rows: "3", spellcheck: "false" }, '{"order": "A-1002", "amount": 42.00}');
  const outcome = h("span", { class: "faint" });

  const publish = async () => {
    fill(outcome);
    const target = topic ?? name.value.trim();
    // `data` goes out as it was typed: the gateway keeps the very text.
    const members = [`"type":${JSON.stringify(type.value)}`, `"data":${data.value}`];
    if (key.value !== "") members.push(`"key":${JSON.stringify(key.value)}`);
    const path = `/v1/topics/${encodeURIComponent(target)}/events`;
    const published = await view.api.post<Published>(path, `{${members.join(",")}}`, view.signal);
    fill(outcome, `Published at offset ${published.offset} as `, code(published.id));
    await onPublished(target);
  };

  return h(
    "details",
    { class: "card" },
    h("summary", {}, "Publish an event"),
    h(
      "form",
      { class: "publish", onSubmit: () => void view.act(publish) },
      topic === null ? h("label", {}, "Topic", name) : null,
      h("label", {}, "Type", type),
      h("label", {}, "Ordering key", key),
      h("label", { class: "whole" }, "Data (JSON)", data),
      h("div", { class: "whole toolbar" }, h("button", { type: "submit", class: "primary" }, "Publish"), outcome),
    ),
  );
}
