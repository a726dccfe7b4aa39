/** Longest member name repeated in an error: names come from the body, and an error is no place for a megabyte. */
const NAME_MAX_CHARACTERS = 64;

/** RFC 3986 lets these stand in a fragment as they are, so that an operator reads `$gte` and not `%24gte`. */
const ALLOWED_IN_FRAGMENT = /%(?:24|26|2B|2C|3A|3B|3D|3F|40)/g;

/**
 * The RFC 6901 pointer, as a URI fragment, to a place in a JSON body: `#/3/data`. `~` and `/` in names are escaped, the
 * rest percent-encoded; a very long name is cut off.
 */
export function jsonPointer(path: readonly (string | number)[], base = "#"): string {
  return path.reduce<string>((pointer, step) => `${pointer}/${encodeStep(String(step))}`, base);
}

function encodeStep(step: string): string {
  const short = step.length > NAME_MAX_CHARACTERS ? `${step.slice(0, NAME_MAX_CHARACTERS)}…` : step;
  // A lone surrogate (also one made by the cut) cannot be percent-encoded.
  const encoded = encodeURIComponent(short.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1"));
  return encoded.replace(ALLOWED_IN_FRAGMENT, decodeURIComponent);
}
