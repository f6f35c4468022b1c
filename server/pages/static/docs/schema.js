/** What a JSON schema says, in as few words as a person needs. */

/** More words than one wants to read. */
const MANY = 6;

/** Resolved, with `null` among its types as `nullable`, and `allOf` as one object. */
export function simplified(api, given) {
  let schema = api.resolve(given);
  const name = typeof given?.$ref === "string" ? given.$ref.split("/").pop() : undefined;
  const { allOf, anyOf, oneOf, if: _if, then, else: otherwise, ...own } = schema;
  if (then && !otherwise) schema = { ...simplified(api, then), ...own };
  if (allOf) {
    const parts = allOf.map((each) => simplified(api, each));
    const properties = Object.assign({}, own.properties, ...parts.map((each) => each.properties));
    const required = [own, ...parts].flatMap((each) => each.required ?? []);
    schema = Object.assign({}, ...parts, own, { required }, Object.keys(properties).length ? { properties } : {});
  }
  const choices = anyOf ?? oneOf;
  if (choices) {
    const others = choices.filter((each) => api.resolve(each).type !== "null");
    if (others.length === 1) schema = { ...simplified(api, others[0]), ...own };
    else schema = { ...own, anyOf: others };
    schema.nullable = others.length < choices.length;
  }
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((each) => each !== "null");
    schema = {
      ...schema,
      type: types.length === 1 ? types[0] : undefined,
      types,
      nullable: types.length < schema.type.length,
    };
  }
  return { ...schema, name: name ?? schema.name };
}

/** Whether it has members of its own to fill in, none of which leads back to it. */
export function isFlat(api, given, above = []) {
  const schema = simplified(api, given);
  if (schema.name && above.includes(schema.name)) return false;
  const { properties, patternProperties, items, additionalProperties, anyOf = [] } = schema;
  const inner = [properties, patternProperties].flatMap((each) => Object.values(each ?? {}));
  return [...inner, ...anyOf, items, additionalProperties]
    .filter(Boolean)
    .every((each) => isFlat(api, each, [...above, schema.name]));
}

/** Its type, as a person says it. */
export function label(api, given) {
  const schema = simplified(api, given);
  const orNull = schema.nullable ? " or null" : "";
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum?.length > MANY) return `one of ${schema.enum.length}${orNull}`;
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ") + orNull;
  if (schema.anyOf) return [...new Set(schema.anyOf.map((each) => label(api, each)))].join(" or ") + orNull;
  if (schema.type === "array") return `list of ${many(api, schema.items ?? {})}${orNull}`;
  if (schema.name && schema.type === "object") return schema.name.split(".").pop() + orNull;
  if (schema.format) return schema.format.replace("-", " ") + orNull;
  return (schema.type ?? schema.types?.join(" or ") ?? "anything") + orNull;
}

function many(api, items) {
  const { enum: words = [] } = simplified(api, items);
  return words.length > MANY ? "names" : label(api, items);
}

/** What else a value must be. */
export function limits({ minLength, maxLength, minimum, maximum, minItems, maxItems, default: left }) {
  const said = [
    range(minLength, maxLength, "characters"),
    range(minimum, maximum, ""),
    range(minItems, maxItems, "entries"),
  ];
  if (left !== undefined && left !== null && left !== "") said.push(`${JSON.stringify(left)} if left out`);
  return said.filter(Boolean).join(", ");
}

function range(least, most, what) {
  const huge = (value) => value === undefined || Math.abs(value) >= 2 ** 53 - 1;
  if (huge(least) && huge(most)) return "";
  if (huge(most)) return `at least ${least} ${what}`.trim();
  if (huge(least) || least === 0) return `at most ${most} ${what}`.trim();
  return `${least} to ${most} ${what}`.trim();
}

/** Whether it is to be kept from view. */
export function isSecret(name, schema = {}, method = "") {
  return (
    schema.format === "password" ||
    schema.writeOnly === true ||
    SECRET.test(name) ||
    (/password/.test(method) && /^(current|new)$/.test(name))
  );
}

const SECRET = /password|secret|^token$/;
