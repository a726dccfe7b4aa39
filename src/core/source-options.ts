/** What only a source of the provider `hmac` has to be told. */
export interface HmacOptions {
  /** Where the signature is, lower case. */
  readonly header: string;
  readonly algorithm: "sha256" | "sha1" | "sha512";
  readonly encoding: "hex" | "base64";
  /** Before the signature in the header, such as `sha256=`. */
  readonly prefix: string;
}

/** How a source reads its requests. The places are texts of src/core/value-place.ts; null: as the provider has it. */
export interface SourceOptions {
  readonly typeFrom: string | null;
  readonly keyFrom: string | null;
  readonly idempotencyFrom: string | null;
  readonly hmac: HmacOptions | null;
}
