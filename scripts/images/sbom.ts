/** An installed package, as `node_modules/.package-lock.json` has it. */
export interface InstalledPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  /** A workspace, which is a link. */
  readonly link?: boolean;
}

/** Something in an image that is no npm package. */
export interface OtherPart {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * The bill of materials of an image in CycloneDX 1.5: every package that is installed, by where it lies, and the other
 * parts. The same input gives the same text.
 */
export function sbomOf(
  image: { readonly name: string; readonly version: string },
  installed: Readonly<Record<string, InstalledPackage>>,
  others: readonly OtherPart[],
): string {
  const packages = Object.entries(installed)
    .filter(
      ([path, { link, version }]) => /(^|\/)node_modules\//.test(path) && !link && version !== undefined,
    )
    .map(([path, { version = "", license, integrity }]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return {
        type: "library",
        name,
        version,
        purl: `pkg:npm/${name.replace(/^@/, "%40")}@${version}`,
        ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
        ...hashesOf(integrity),
      };
    })
    .sort((a, b) => (a.purl < b.purl ? -1 : a.purl > b.purl ? 1 : 0))
    // A package may lie in several places.
    .filter(({ purl }, index, all) => purl !== all[index - 1]?.purl);
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "container", ...image } },
    components: [
      ...others.map(({ license, ...part }) => ({
        type: "library",
        ...part,
        licenses: [{ expression: license }],
      })),
      ...packages,
    ],
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

function hashesOf(integrity: string | undefined): object {
  const [, base64] = /^sha512-(\S+)/.exec(integrity ?? "") ?? [];
  if (base64 === undefined) return {};
  return { hashes: [{ alg: "SHA-512", content: Buffer.from(base64, "base64").toString("hex") }] };
}
