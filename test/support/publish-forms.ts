/** One event, before it is written in a form. Texts may be any; `data` is the text of a JSON value, or of none. */
export interface EventParts {
  readonly data: string;
  readonly type?: string;
  readonly key?: string;
  /** A CloudEvent's id; in the other forms, which have none, the subject. */
  readonly id?: string;
}

export interface Written {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** A form of clause 4.1. */
export interface PublishForm {
  readonly name: string;
  readonly isCloudEvent: boolean;
  /** The body of a request is a document with the event in it; else it is the data. */
  readonly isDocument: boolean;
  write(parts: EventParts): Written;
  /** What becomes of the white space around a value. */
  kept(json: string): string;
}

/** JSON's own white space around a value is not part of it. */
const trimmed = (json: string): string => json.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");

let made = 0;
/** Ids of CloudEvents have to differ. */
const unique = (): string => {
  made += 1;
  return `form-${made}`;
};

const member = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `${JSON.stringify(name)}:${JSON.stringify(value)},`;

const plain = ({ data, type = "n", key, id }: EventParts): string =>
  `{${member("type", type)}${member("key", key)}${member("subject", id)}"data":${data}}`;

const cloudEvent = ({ data, type = "n", key, id }: EventParts): string =>
  `{"specversion":"1.0",${member("id", id ?? unique())}${member("source", `/forms/${id === undefined ? "" : unique()}`)}${member("type", type)}${member("partitionkey", key)}"data":${data}}`;

const document = (contentType: string, isCloudEvent: boolean, write: (parts: EventParts) => string) => ({
  ...{ isCloudEvent, isDocument: true, kept: trimmed },
  write: (parts: EventParts): Written => ({ body: write(parts), headers: { "content-type": contentType } }),
});

/** More is encoded than has to be, which has to be read as well; what is no Unicode cannot be written at all. */
const header = (name: string, value: string): Record<string, string> => ({
  [name]: encodeURIComponent(value.toWellFormed()),
});

export const PUBLISH_FORMS: readonly PublishForm[] = [
  { name: "plain", ...document("application/json", false, plain) },
  { name: "batch", ...document("application/json", false, (parts) => `[${plain(parts)}]`) },
  { name: "structured", ...document("application/cloudevents+json", true, cloudEvent) },
  {
    name: "ce-batch",
    ...document("application/cloudevents-batch+json; charset=utf-8", true, (parts) => `[${cloudEvent(parts)}]`),
  },
  {
    ...{ name: "binary", isCloudEvent: true, isDocument: false, kept: (json) => json },
    write: ({ data, type = "n", key, id }) => ({
      body: data,
      headers: {
        ...{ "content-type": "application/json", "ce-specversion": "1.0" },
        ...{ "ce-source": `/forms/${id === undefined ? "" : unique()}`, ...header("ce-id", id ?? unique()) },
        ...{ ...header("ce-type", type), ...(key === undefined ? {} : header("ce-partitionkey", key)) },
      },
    }),
  },
];
