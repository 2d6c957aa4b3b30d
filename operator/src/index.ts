export { clusterJsonSchema, customResourceDefinition } from "./api/crd.ts";
