/** One container of a pod that the restricted standard allows. */
export interface RestrictedContainer {
  readonly name: string;
  readonly image: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What else its specification says. */
  readonly more?: object;
  /** What else its security context says. */
  readonly security?: object;
}

/** A pod of one container under the restricted standard, named and labelled as its container, that ends within a second. */
export function restrictedPod(container: RestrictedContainer, volumes: readonly object[] = []): object {
  const { name, image, env = {}, more, security } = container;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image,
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, ...security },
          ...more,
        },
      ],
      volumes,
    },
  };
}
