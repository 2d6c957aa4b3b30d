import { fullTableName, reservedSchemas } from "../names.ts";
import { anyStore } from "../secrets/reference.ts";
import { type CheckContext, describe } from "./context.ts";

/** Names are unique, whatever their case and however fully they are written, and outside the product's own schemas. */
export function checkNames(context: CheckContext): void {
  const { datasets, views, secrets, metadata } = context.spicepod;
  const taken = new Map<string, string>();
  const files = new Map<string, string>();
  for (const component of [...datasets, ...views]) {
    const path = `${component.path}.name`;
    if (component.name === "" || context.isBroken(path)) continue;
    const full = fullTableName(component.name).toLowerCase();
    const other = taken.get(full);
    if (other !== undefined) {
      context.fail(
        path,
        `\`${component.name}\` is the name of ${other} too; names are unique, whatever their case.`,
      );
    }
    taken.set(full, other ?? describe(component));
    const schema = full.split(".")[1] as string;
    if (reservedSchemas.includes(schema)) {
      context.fail(
        path,
        `\`${component.name}\` lies in the schema \`${schema}\`, which is the product's own.`,
      );
    }
    const file = component.name.toLowerCase().replaceAll(".", "_");
    const neighbour = files.get(file);
    if (neighbour !== undefined && component.acceleration?.enabled) {
      context.fail(
        path,
        `\`${component.name}\` would have the same file name as ${neighbour}; rename one of them.`,
      );
    }
    if (component.acceleration?.enabled) files.set(file, describe(component));
  }
  const stores = new Set<string>();
  secrets.forEach(({ name }, i) => {
    if (name === anyStore)
      context.fail(`secrets[${i}].name`, "`secrets` means all stores; choose another name.");
    else if (stores.has(name))
      context.fail(`secrets[${i}].name`, `\`${name}\` is the name of another store too.`);
    stores.add(name);
  });
  const generation = metadata["generation"];
  if (generation !== undefined && !/^\d{1,15}$/.test(String(generation))) {
    context.fail("metadata.generation", "must be a whole number of at least 0.");
  }
}
