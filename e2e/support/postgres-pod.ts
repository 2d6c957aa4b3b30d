import type { Kubectl } from "./kubectl.ts";
import { postgresImage, postgresPassword } from "./postgres-image.ts";
import { startServerPod } from "./server-pod.ts";

/** A Secret with {@link ordersDataset}'s password, for the environment of schedulers. */
export const passwordSecret = "story-postgres";

/** Where the pods of a namespace find the story's table; the password comes from the environment. */
export const ordersDataset = {
  from: "postgres:public.orders",
  name: "orders",
  params: {
    pg_host: "postgres",
    pg_port: "5432",
    pg_db: "postgres",
    pg_user: "spice",
    pg_pass: "$" + "{secrets:STORY_PG_PASS}",
    pg_sslmode: "disable",
  },
};

/** A PostgreSQL server with the table `orders` as Service `postgres` of the namespace, and the Secret with its password. */
export async function startPostgresPod(kubectl: Kubectl): Promise<void> {
  await kubectl.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: passwordSecret },
    stringData: { STORY_PG_PASS: postgresPassword },
  });
  await startServerPod(kubectl, { name: "postgres", image: postgresImage, port: 5432 });
}
