import { scalarAt } from "../core/json-scalar.ts";
import { parseJsonBody } from "../core/json-text.ts";
import { isJsonContentType } from "../core/media-type.ts";

const FORM = "application/x-www-form-urlencoded";

/**
 * What a request says, looked at only when somebody asks: of JSON its members, of a form its fields. The JSON of a
 * field is looked into as well (`/payload/type`), as some providers send their JSON that way.
 */
export class Content {
  readonly #bytes: Uint8Array;
  readonly #contentType: string;
  #json: { readonly text: string | null } | null = null;
  #form: URLSearchParams | null = null;

  constructor(bytes: Uint8Array, contentType: string) {
    this.#bytes = bytes;
    this.#contentType = contentType;
  }

  get isForm(): boolean {
    return this.#contentType.split(";")[0]?.trim().toLowerCase() === FORM;
  }

  /** The type says JSON, and what came is something else: it cannot be shown as JSON. */
  get isBrokenJson(): boolean {
    return isJsonContentType(this.#contentType) && this.#jsonText() === null;
  }

  /** The fields of a form, in the order in which they came. */
  get fields(): URLSearchParams {
    this.#form ??= new URLSearchParams(new TextDecoder().decode(this.#bytes));
    return this.#form;
  }

  /** The string or number at this place; null where there is none. */
  at(path: readonly string[]): string | null {
    if (!this.isForm) return scalarIn(this.#jsonText(), path);
    const [name, ...inside] = path;
    const field = name === undefined ? null : this.fields.get(name);
    if (field === null || inside.length === 0) return field;
    return scalarIn(jsonText(new TextEncoder().encode(field)), inside);
  }

  #jsonText(): string | null {
    this.#json ??= { text: jsonText(this.#bytes) };
    return this.#json.text;
  }
}

function jsonText(bytes: Uint8Array): string | null {
  const parsed = parseJsonBody(bytes);
  return parsed.ok ? parsed.value.text : null;
}

const scalarIn = (text: string | null, path: readonly string[]): string | null =>
  text === null ? null : scalarAt(text, path);
