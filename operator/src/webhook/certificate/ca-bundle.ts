import { type Client, isNotFound, type KubeObject, type ResourceType } from "@spice-shards/kube";

export const webhookConfigurationType: ResourceType = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  namespaced: false,
};

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig?: { readonly caBundle?: string };
  }[];
}

/**
 * Writes the roots that the API server trusts into a ValidatingWebhookConfiguration, when they differ.
 * @returns whether it was written, or `absent`
 * @throws StatusError, also a conflict when another wrote it meanwhile
 */
export async function publishBundle(
  client: Pick<Client, "get" | "patch">,
  name: string,
  bundle: string,
  signal: AbortSignal,
): Promise<"same" | "written" | "absent"> {
  const caBundle = Buffer.from(bundle).toString("base64");
  let present: WebhookConfiguration;
  try {
    present = await client.get<WebhookConfiguration>(webhookConfigurationType, { name }, signal);
  } catch (error) {
    if (isNotFound(error)) return "absent";
    throw error;
  }
  const webhooks = present.webhooks ?? [];
  if (webhooks.every(({ clientConfig }) => clientConfig?.caBundle === caBundle)) return "same";
  const { resourceVersion } = present.metadata;
  const body = {
    metadata: { resourceVersion },
    webhooks: webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    })),
  };
  await client.patch(webhookConfigurationType, { name }, { type: "merge", body }, { signal });
  return "written";
}
