import { StartupError } from "./node-context.ts";

/** What a node does besides before it ends, where something else decides when that is. */
export interface ShutdownSettings {
  /** Executor: have everything moved to others first. */
  readonly drain: boolean;
  /** Scheduler: how long connections are still accepted, since load balancers learn late that it goes. */
  readonly lingerMs: number;
}

/** `SPICED_SHUTDOWN_DRAIN` and `SPICED_SHUTDOWN_LINGER`. Throws a {@link StartupError} for what they cannot be. */
export function shutdownSettings(env: Readonly<Record<string, string | undefined>>): ShutdownSettings {
  const { SPICED_SHUTDOWN_DRAIN: drain = "", SPICED_SHUTDOWN_LINGER: linger = "" } = env;
  if (!["", "true", "false"].includes(drain))
    throw new StartupError(`SPICED_SHUTDOWN_DRAIN is true or false, not ${drain}`);
  if (!/^\d{0,3}$/.test(linger))
    throw new StartupError(`SPICED_SHUTDOWN_LINGER is a whole number of seconds, not ${linger}`);
  return { drain: drain === "true", lingerMs: Number(linger) * 1000 };
}
