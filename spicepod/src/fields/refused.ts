/** Error texts for names that upstream has and this product does not, by name. */
export function notHere(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `\`${name}\` is not supported by this product.`]));
}

/** Error texts for fields of a dataset that were written under its `acceleration`. */
export function onDataset(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, `\`${name}\` belongs to the dataset, beside \`acceleration\`, not under it.`]),
  );
}

/** Error texts for settings that are given on the command line, by name and flag. */
export function onCommandLine(flags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      `\`${name}\` is not a field of the spicepod: use ${flag} of \`spiced\`.`,
    ]),
  );
}

/** Top-level sections of upstream that this product does not have (spec chapter 02). */
export const upstreamSections: readonly string[] = [
  "models",
  "embeddings",
  "catalogs",
  "tools",
  "evals",
  "extensions",
  "dependencies",
  "functions",
  "management",
  "workers",
  "worker",
  "rerankers",
];

export const refusedSections: Readonly<Record<string, string>> = Object.fromEntries(
  upstreamSections.map((name) => [
    name,
    `The section \`${name}\` is not supported: this product accelerates datasets and views and has no \`${name}\`.`,
  ]),
);
