import { keepsCustom } from "./custom-headers.ts";
import type { Provider } from "./provider.ts";
import { base64, signedByAny } from "./signatures.ts";

const SCHEME = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;
/** RFC 7617: the user has no colon, the password may; neither has control characters. */
const USER_AND_PASSWORD = /^[^:\p{Cc}]+:\P{Cc}+$/u;

/** HTTP Basic (RFC 7617), in UTF-8: a secret is `user:password`. */
export const basic: Provider = {
  signs: true,
  refusedSecret: (secret) =>
    USER_AND_PASSWORD.test(secret) ? null : "must be a user and a password, as user:password",
  async verify({ headers }, { secrets }) {
    const header = headers.get("authorization");
    if (header === null) return "missing";
    const given = SCHEME.exec(header)?.[1];
    if (given === undefined) return "malformed";
    const expected = async (secret: string) => base64(new TextEncoder().encode(secret));
    return (await signedByAny([given], secrets, expected)) ? null : "mismatch";
  },
  eventName: () => null,
  deliveryId: () => null,
  keeps: keepsCustom,
  accepted: null,
};
