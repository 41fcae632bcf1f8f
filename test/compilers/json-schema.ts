// The part of JSON Schema that the manifest's schema uses; a keyword that is not here is an error, so that nothing is passed over.

export interface Schema {
  readonly [keyword: string]: unknown;
}

const notes = new Set(["$schema", "$id", "$defs", "title", "description"]);

/** Where and why a value does not satisfy a schema; empty if it does. */
export function schemaErrors(root: Schema, value: unknown, schema: Schema = root, at = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => (notes.has(keyword) ? [] : check(root, keyword, rule, schema, value, at)));
}

function check(root: Schema, keyword: string, rule: unknown, schema: Schema, value: unknown, at: string): string[] {
  const fail = (holds: boolean) => (holds ? [] : [`${at}: ${keyword} ${JSON.stringify(rule)}`]);
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  const number = typeof value === "number" ? value : Number.NaN;
  switch (keyword) {
    case "$ref": {
      const name = String(rule).replace("#/$defs/", "");
      return schemaErrors(root, value, (root.$defs as Record<string, Schema>)[name], at);
    }
    case "anyOf":
      return fail((rule as Schema[]).some((choice) => schemaErrors(root, value, choice, at).length === 0));
    case "const":
      return fail(value === rule);
    case "enum":
      return fail((rule as unknown[]).includes(value));
    case "type":
      return fail(typeOf(value).includes(String(rule)));
    case "pattern":
      return fail(typeof value === "string" && new RegExp(String(rule), "u").test(value));
    case "minimum":
      return fail(number >= Number(rule));
    case "multipleOf":
      return fail(number % Number(rule) === 0);
    case "minItems":
      return fail(Array.isArray(value) && value.length >= Number(rule));
    case "maxItems":
      return fail(Array.isArray(value) && value.length <= Number(rule));
    case "items":
      return Array.isArray(value) ? value.flatMap((item, i) => schemaErrors(root, item, rule as Schema, `${at}[${i}]`)) : [];
    case "required":
      return fail(object !== null && (rule as string[]).every((key) => Object.hasOwn(object, key)));
    case "properties": {
      const properties = Object.entries(rule as Record<string, Schema>);
      return properties.flatMap(([key, own]) =>
        object !== null && Object.hasOwn(object, key) ? schemaErrors(root, object[key], own, `${at}.${key}`) : [],
      );
    }
    case "additionalProperties": {
      const known = Object.keys((schema.properties ?? {}) as object);
      const others = Object.keys(object ?? {}).filter((key) => !known.includes(key));
      if (rule === false) return fail(others.length === 0);
      return others.flatMap((key) => schemaErrors(root, object![key], rule as Schema, `${at}.${key}`));
    }
    default:
      return [`${at}: this check does not know the keyword ${keyword}`];
  }
}

function typeOf(value: unknown): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return Number.isInteger(value) ? ["integer", "number"] : [typeof value];
}
