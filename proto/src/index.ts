export * from "./gen/spice/cluster/v1/exchange.ts";
