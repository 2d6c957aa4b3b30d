export { FakeApiServer, type Fault, type SeenRequest } from "./fake-api-server.ts";
export { type FakeChange, FakeStore } from "./fake-store.ts";
export { seededRandom } from "./seeded-random.ts";
export { settle, VirtualClock } from "./virtual-clock.ts";
