import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Kubectl } from "./kubectl.ts";

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface RbacObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace?: string }[];
}

/** Rules as single rights, `get secrets` or `get secrets/regcred`, with the group behind the resource; sorted, each once. */
function rightsOf(rules: readonly Rule[]): readonly string[] {
  const all = rules.flatMap(({ apiGroups = [], resources = [], resourceNames = [""], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map((verb) => `${verb} ${resource}${group && `.${group}`}${name && `/${name}`}`),
        ),
      ),
    ),
  );
  return [...new Set(all)].sort();
}

/** What the API server says that an account may do in a namespace, without what every account may. */
export async function rightsOfAccount(
  kubectl: Kubectl,
  account: string,
  namespace: string,
): Promise<{ readonly rights: readonly string[]; readonly urls: readonly string[] }> {
  const of = async (user: string) => {
    const groups = ["system:serviceaccounts", "system:authenticated"].map((group) => `--as-group=${group}`);
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace },
    };
    const file = join(mkdtempSync(join(tmpdir(), "rights-")), "review.json");
    writeFileSync(file, JSON.stringify(review));
    const text = await kubectl.run(
      "create",
      "-f",
      file,
      "--output=json",
      "--validate=false",
      `--as=${user}`,
      ...groups,
    );
    rmSync(dirname(file), { recursive: true });
    const { status } = JSON.parse(text) as {
      status: {
        resourceRules: readonly Rule[];
        nonResourceRules: readonly { nonResourceURLs?: readonly string[]; verbs: readonly string[] }[];
      };
    };
    const urls = status.nonResourceRules.flatMap(({ nonResourceURLs = [], verbs }) =>
      nonResourceURLs.flatMap((url) => verbs.map((verb) => `${verb} ${url}`)),
    );
    return { rights: rightsOf(status.resourceRules), urls: [...new Set(urls)].sort() };
  };
  const [own, anybody] = await Promise.all([of(account), of("system:serviceaccount:default:nobody")]);
  const beyond = (mine: readonly string[], all: readonly string[]) =>
    mine.filter((each) => !all.includes(each));
  return { rights: beyond(own.rights, anybody.rights), urls: beyond(own.urls, anybody.urls) };
}

/** What rendered objects grant an account in a namespace. */
export function grantedBy(objects: readonly object[], account: string, namespace: string): readonly string[] {
  const all = objects as readonly RbacObject[];
  const name = (kind: string, each: RbacObject) => each.kind === kind && each.metadata;
  const holds = ({ subjects = [] }: RbacObject) =>
    subjects.some((subject) => `system:serviceaccount:${subject.namespace}:${subject.name}` === account);
  const rules = all
    .filter(
      (each) =>
        holds(each) &&
        (each.kind === "ClusterRoleBinding" ||
          (each.kind === "RoleBinding" && each.metadata.namespace === namespace)),
    )
    .flatMap(({ roleRef, metadata }) => {
      const role = all.find((each) => {
        const found = name(roleRef?.kind ?? "", each);
        const here = roleRef?.kind === "ClusterRole" || (found && found.namespace === metadata.namespace);
        return found && found.name === roleRef?.name && here;
      });
      if (role === undefined) throw new Error(`there is no ${roleRef?.kind} ${roleRef?.name}`);
      return role.rules ?? [];
    });
  return rightsOf(rules);
}
