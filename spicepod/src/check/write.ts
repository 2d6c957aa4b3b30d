import { type CheckContext, describe, isDataset } from "./context.ts";

const needsWrites = "Write-through acceleration currently requires the Cayenne accelerator";

/** `write_mode` and `access: read_write` (spec chapters 02 and 08). */
export function checkWrites(context: CheckContext): void {
  for (const component of context.accelerated) {
    const { path, acceleration } = component;
    const writeMode = `${path}.acceleration.write_mode`;
    if (acceleration.writeMode === "write_back") {
      const replicated = isDataset(component) && component.replication.enabled;
      context.fail(
        writeMode,
        replicated
          ? `\`write_mode: write_back\` of ${describe(component)}: cluster write-back is not available; the supported mode is \`write_through\`.`
          : `\`write_mode: write_back\` of ${describe(component)} requires \`replication.enabled: true\` on the dataset.`,
      );
      continue;
    }
    const engine = context.engineOf(component);
    if (engine === undefined || engine.writes) continue;
    if (context.isSet(writeMode)) context.fail(writeMode, needsWrites);
    if (isDataset(component) && component.access === "read_write")
      context.fail(`${path}.access`, needsWrites);
  }
}
