import type { WebhookCertificateOptions } from "../webhook/certificate/webhook-certificate.ts";

/** The objects of the webhook, as the chart names them too. */
export function webhookNames(operator: {
  readonly name: string;
  readonly namespace: string;
  readonly clusterDomain: string;
}): Pick<WebhookCertificateOptions, "secret" | "configuration" | "hosts"> {
  const { name, namespace, clusterDomain } = operator;
  const service = `${name}-webhook.${namespace}.svc`;
  return {
    secret: { namespace, name: `${name}-webhook-tls` },
    // Cluster-scoped, and two operators may have one name in two namespaces.
    configuration: `${name}.${namespace}`,
    hosts: [service, `${service}.${clusterDomain}`],
  };
}
