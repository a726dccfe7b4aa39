import type { HmacOptions } from "../core/source-options.ts";
import { keepsCustom } from "./custom-headers.ts";
import { anySecret, type Provider } from "./provider.ts";
import { base64, hmac as digest, hex, signedByAny } from "./signatures.ts";

const HASHES = { sha256: "SHA-256", sha1: "SHA-1", sha512: "SHA-512" } as const;

/** Anybody who signs the body alone: the header, algorithm, encoding and what stands before the signature are told. */
export const hmac: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify({ bytes, headers }, { secrets, hmac: options }) {
    if (options === null) throw new Error("a source of provider hmac has its options");
    const given = headers.get(options.header);
    if (given === null) return "missing";
    return (await signedByAny([given], secrets, (secret) => signed(secret, bytes, options))) ? null : "mismatch";
  },
  eventName: () => null,
  deliveryId: () => null,
  keeps: keepsCustom,
  accepted: null,
};

async function signed(
  secret: string,
  bytes: Uint8Array,
  { algorithm, encoding, prefix }: HmacOptions,
): Promise<string> {
  const mac = await digest(HASHES[algorithm], secret, bytes);
  return prefix + (encoding === "hex" ? hex(mac) : base64(mac));
}
