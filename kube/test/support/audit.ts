import { closeSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A request that the API server has answered. */
export interface AuditEntry {
  readonly user: string;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, … */
  readonly verb: string;
  readonly uri: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
}

interface Line {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

const reading = new Set(["get", "list", "watch"]);

/** The audit log of an API server: who asked what, but for Kubernetes' own components. */
export class Audit {
  readonly #log: string;
  readonly flags: readonly string[];

  constructor(dir: string) {
    this.#log = join(dir, "audit.log");
    const policy = join(dir, "audit-policy.json");
    writeFileSync(this.#log, "");
    writeFileSync(
      policy,
      JSON.stringify({
        apiVersion: "audit.k8s.io/v1",
        kind: "Policy",
        omitStages: ["RequestReceived", "ResponseStarted"],
        omitManagedFields: true,
        rules: [
          { level: "None", users: ["system:apiserver", "system:kube-controller-manager"] },
          { level: "None", userGroups: ["system:serviceaccounts:kube-system"] },
          { level: "None", nonResourceURLs: ["/readyz*", "/healthz*", "/livez*"] },
          { level: "Metadata" },
        ],
      }),
    );
    this.flags = [
      "--audit-policy-file",
      policy,
      "--audit-log-path",
      this.#log,
      "--audit-log-mode",
      "blocking",
    ];
  }

  /** A place in the log, for {@link since}. */
  mark(): number {
    return statSync(this.#log).size;
  }

  /** The requests answered since `mark` by `user`, or by all. */
  since(mark: number, user?: string): AuditEntry[] {
    return entriesOf(this.#text(mark)).filter((entry) => user === undefined || entry.user === user);
  }

  /** The requests answered since `mark`, with the mark to go on from: for who looks again and again. */
  next(mark: number): { readonly entries: readonly AuditEntry[]; readonly mark: number } {
    const text = this.#text(mark);
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return { entries: entriesOf(whole), mark: mark + Buffer.byteLength(whole) };
  }

  /** Those of {@link since} that may change something. */
  writesSince(mark: number, user?: string): AuditEntry[] {
    return this.since(mark, user).filter(({ verb }) => !reading.has(verb));
  }

  /** What was written after `mark`; the log of a long test is not read from its beginning each time. */
  #text(mark: number): string {
    const bytes = Buffer.alloc(this.mark() - mark);
    const file = openSync(this.#log, "r");
    try {
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, mark)).toString();
    } finally {
      closeSync(file);
    }
  }
}

function entriesOf(text: string): AuditEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => toEntry(JSON.parse(line) as Line));
}

function toEntry(line: Line): AuditEntry {
  const { resource = "", subresource = "", namespace = "", name = "" } = line.objectRef ?? {};
  return {
    user: line.user.username,
    verb: line.verb,
    uri: line.requestURI,
    resource,
    subresource,
    namespace,
    name,
    code: line.responseStatus?.code ?? 0,
  };
}
