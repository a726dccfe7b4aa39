import * as v from "valibot";
import { SOURCE_OPTION_MAX_CHARACTERS, SOURCE_SECRET_MAX_CHARACTERS, SOURCE_SECRETS_MAX } from "../core/limits.ts";
import { isSourceName, SOURCE_NAME_RULE } from "../core/names.ts";
import { isHeaderName, parseValuePlace, VALUE_PLACE_RULE } from "../core/value-place.ts";
import { PROVIDERS, type ProviderName } from "../sources/registry.ts";
import { anyString, members } from "./validate.ts";

const NAMES = Object.keys(PROVIDERS);

const Provider = v.custom<ProviderName>(
  (value) => typeof value === "string" && NAMES.includes(value),
  `must be one of ${NAMES.join(", ")}`,
);

const text = (isRight: (value: string) => boolean, rule: string, maxCharacters = SOURCE_OPTION_MAX_CHARACTERS) =>
  v.pipe(
    v.string("must be a string"),
    v.check((value) => value.length <= maxCharacters, `must have ${maxCharacters} characters or fewer`),
    v.check(isRight, rule),
  );

/** Absent and null are the same: as the provider has it. */
const option = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema));

const Place = text((value) => parseValuePlace(value) !== null, VALUE_PLACE_RULE);

const Options = members({
  typeFrom: option(Place),
  keyFrom: option(Place),
  idempotencyFrom: option(Place),
  // Of the provider `hmac` only: source-config.ts.
  header: option(text(isHeaderName, "must be the name of a header")),
  algorithm: option(v.picklist(["sha256", "sha1", "sha512"], "must be sha256, sha1 or sha512")),
  encoding: option(v.picklist(["hex", "base64"], "must be hex or base64")),
  prefix: option(text((value) => /^[\x20-\x7e]*$/.test(value), "must be printable ASCII")),
});

export type OptionsDocument = v.InferOutput<typeof Options>;

const Secrets = v.pipe(
  v.array(
    text((value) => value !== "" && value.isWellFormed(), "must be text, and not empty", SOURCE_SECRET_MAX_CHARACTERS),
    "must be an array of strings",
  ),
  v.maxLength(SOURCE_SECRETS_MAX, `must be ${SOURCE_SECRETS_MAX} or fewer`),
);

const GIVEN = "is given by the gateway";

/** A whole source, for POST and PUT. */
export const SourceDocument = members({
  name: v.optional(v.custom<string>((value) => typeof value === "string" && isSourceName(value), SOURCE_NAME_RULE)),
  topic: anyString,
  provider: Provider,
  secrets: v.optional(Secrets, []),
  options: v.optional(Options, {}),
});

export type SourceDocument = v.InferOutput<typeof SourceDocument>;

const unchangeable = "cannot be changed; create another source";

/** Changes to a source (RFC 7396): `secrets` are replaced whole, `options` member by member. */
export const SourceChangesDocument = members(
  {
    topic: v.optional(anyString),
    secrets: v.optional(Secrets),
    options: v.optional(v.nullable(Options)),
  },
  { id: unchangeable, name: unchangeable, provider: unchangeable, url: GIVEN },
);

export type SourceChangesDocument = v.InferOutput<typeof SourceChangesDocument>;
