/** Of proxies on the way, not of the sender; and names that say that a secret is in them. */
const LEFT_OUT = /^x-(?:forwarded-|real-ip$)|auth|token|secret|password|api-?key|cookie|session/;

/** Which headers are kept of a sender nobody knows: its own (`x-`), but for what may be a secret. */
export const keepsCustom = (header: string): boolean => header.startsWith("x-") && !LEFT_OUT.test(header);
