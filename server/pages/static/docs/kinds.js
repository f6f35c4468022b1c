import { element } from "./element.js";
import { field } from "./field.js";
import { isFlat, isSecret, simplified } from "./schema.js";

/** What a field holds that it cannot read. */
export class Unreadable extends Error {
  constructor(path, message) {
    super(message);
    this.path = path;
  }
}

/** How a schema is filled in: `{ input, read, write }`, or a group of fields. */
export function kind(context, asked) {
  const { schema } = asked;
  if (schema.enum || schema.type === "boolean" || "const" in schema) return choice(schema);
  if (schema.type === "string") return text(asked);
  if (schema.type === "integer" || schema.type === "number") return number(schema);
  if (schema.type === "array" && isWords(context, schema)) return words(context, schema);
  if (isGroup(context, schema)) return group(context, asked);
  return json(context, asked);
}

const isGroup = ({ api }, schema) =>
  schema.type === "object" &&
  schema.properties &&
  !schema.additionalProperties &&
  !schema.patternProperties &&
  isFlat(api, schema);

function choice({ enum: values, type, const: only }) {
  const all = values ?? (type === "boolean" ? [true, false] : [only]);
  const options = all.map((each, index) =>
    element("option", { value: index }, typeof each === "string" ? each : JSON.stringify(each)),
  );
  const input = element("select", {}, element("option", { value: "" }, "left out"), options);
  const write = (value) => {
    const index = all.indexOf(value);
    input.value = index < 0 ? "" : String(index);
    return value === undefined || index >= 0;
  };
  return { input, write, read: () => (input.value === "" ? undefined : all[Number(input.value)]) };
}

function text({ name, schema, method }) {
  const type = isSecret(name, schema, method) ? "password" : "text";
  const input = element("input", { type, autocomplete: "off", spellcheck: "false", placeholder: placeholder(schema) });
  const write = (value) => {
    input.value = typeof value === "string" ? value : "";
    return value === undefined || (typeof value === "string" && value !== "");
  };
  return { input, write, read: () => input.value || undefined };
}

function placeholder({ default: left, examples }) {
  return typeof left === "string" && left ? left : typeof examples?.[0] === "string" ? examples[0] : undefined;
}

function number({ default: left }) {
  const input = element("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    placeholder: left ?? undefined,
  });
  const write = (value) => {
    input.value = typeof value === "number" ? String(value) : "";
    return value === undefined || typeof value === "number";
  };
  const read = () => {
    const text = input.value.trim();
    return text === "" ? undefined : Number.isFinite(Number(text)) ? Number(text) : text;
  };
  return { input, write, read };
}

const isWords = (context, schema) => {
  const items = simplified(context.api, schema.items);
  return (
    items.type === "string" ||
    items.enum?.every((each) => typeof each === "string") ||
    (items.anyOf ?? []).some((each) => simplified(context.api, each).enum)
  );
};

/** A list of words, with commas between. */
function words(context, schema) {
  const input = element("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "one, another",
  });
  const read = () => {
    const all = input.value
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean);
    return all.length ? all : undefined;
  };
  const write = (value) => {
    const isShown = value?.every?.(
      (each) => typeof each === "string" && each && each.trim() === each && !each.includes(","),
    );
    input.value = isShown ? value.join(", ") : "";
    return value === undefined || Boolean(isShown && value.length);
  };
  const add = (word) => write([...(read() ?? []), word]);
  const items = simplified(context.api, schema.items);
  const known = items.enum ?? (items.anyOf ?? []).flatMap((each) => simplified(context.api, each).enum ?? []);
  const hints = () =>
    known.filter((word) => !word.startsWith("-") && !read()?.includes(word)).map((word) => [word, word]);
  return { input, write, read, add, hints: known.length ? hints : undefined };
}

/** An object whose members are fields. */
function group(context, { schema, path, method }) {
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties).map(([name, each]) =>
    field(context, name, each, { path: `${path}.${name}`, isRequired: required.includes(name), method }),
  );
  const read = () => {
    const value = readAll(fields, path.length + 1);
    return Object.keys(value).length ? value : undefined;
  };
  const write = (value) =>
    writeAll(fields, value ?? {}, path.length + 1) && (value === undefined || Object.keys(value).length > 0);
  return {
    group: fields,
    node: element(
      "div.members",
      {},
      fields.map((each) => each.node),
    ),
    read,
    write,
  };
}

/** Whatever else: JSON, with the names that may stand in it at hand. */
function json(context, { schema, path }) {
  const input = element("textarea.code", {
    rows: 1,
    spellcheck: "false",
    autocomplete: "off",
    placeholder: placeholderOf(schema),
  });
  const read = () => {
    if (!input.value.trim()) return undefined;
    try {
      return JSON.parse(input.value);
    } catch (error) {
      throw new Unreadable(path, `This is not JSON yet: ${error.message}`);
    }
  };
  const write = (value) => {
    input.value = value === undefined ? "" : pretty(value);
    return true;
  };
  const names = Object.keys(schema.properties ?? {});
  const add = (name) => {
    const inner = simplified(context.api, schema.properties[name]);
    const empty = inner.type === "array" ? [] : inner.type === "object" ? {} : "";
    try {
      write({ ...read(), [name]: empty });
    } catch {
      // what is written there is not JSON yet: it stays
    }
  };
  return {
    input,
    write,
    read,
    isJson: true,
    add: names.length ? add : undefined,
    hints: names.length ? () => names.map((name) => [name, name]) : undefined,
  };
}

const placeholderOf = ({ type }) => (type === "object" ? "{ }" : type === "array" ? "[ ]" : "JSON");

/** The values of `fields` by name: what of their path stands behind `skip` characters. */
export function readAll(fields, skip = 0) {
  const read = fields.map((each) => [each.path.slice(skip), each.read()]);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

/** Whether the fields can show `values`, all of them. */
export function writeAll(fields, values, skip = 0) {
  const isObject = values !== null && typeof values === "object" && !Array.isArray(values);
  const names = fields.map((each) => each.path.slice(skip));
  const shown = fields.map((each, index) => each.write(isObject ? values[names[index]] : undefined));
  return isObject && shown.every(Boolean) && Object.keys(values).every((name) => names.includes(name));
}

/** JSON on one line while it is short. */
export function pretty(value) {
  const text = JSON.stringify(value, null, 2);
  const line = text.replace(/\n\s*/g, " ");
  return line.length > 60 ? text : line;
}
