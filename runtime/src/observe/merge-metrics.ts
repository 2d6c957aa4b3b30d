/** One node's exposition. */
export interface NodeMetrics {
  readonly nodeId: string;
  readonly text: string;
}

interface Family {
  readonly head: string[];
  readonly samples: string[];
}

/**
 * One exposition of all nodes: each sample gets the label `node_id` unless it has one, and each family's HELP and
 * TYPE appear once.
 */
export function mergeMetrics(nodes: readonly NodeMetrics[]): string {
  const families = new Map<string, Family>();
  for (const { nodeId, text } of nodes) {
    let family: Family | undefined;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (head !== null) {
        const name = head[1]!;
        family = families.get(name) ?? { head: [], samples: [] };
        families.set(name, family);
        const kind = line.slice(0, 6);
        if (!family.head.some((known) => known.startsWith(kind))) family.head.push(line);
      } else if (!line.startsWith("#")) {
        family?.samples.push(withNode(line, nodeId));
      }
    }
  }
  const parts = [...families.values()].map(({ head, samples }) => [...head, ...samples].join("\n"));
  return parts.length === 0 ? "" : `${parts.join("\n\n")}\n`;
}

function withNode(sample: string, nodeId: string): string {
  const match = /^([^\s{]+)(\{.*\})?(\s.*)$/.exec(sample);
  if (match === null) return sample;
  const [, name, labels, value] = match;
  if (labels !== undefined && /[{,]node_id="/.test(labels)) return sample;
  const escaped = nodeId.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const inner = labels === undefined || labels === "{}" ? "" : `,${labels.slice(1, -1)}`;
  return `${name}{node_id="${escaped}"${inner}}${value}`;
}
