import { afterAll, beforeAll } from "@jest/globals";
import { Story } from "../support/story.ts";
import { beginning } from "./steps/beginning.ts";
import { certificates } from "./steps/certificates.ts";
import { changes } from "./steps/changes.ts";
import { ending } from "./steps/ending.ts";
import { faults } from "./steps/faults.ts";
import { upkeep } from "./steps/upkeep.ts";

/** All steps have one installation: making another one takes longer than most of them. */
const story = new Story();

beforeAll(() => story.begin(), 180_000);

afterAll(async () => {
  await story.end();
  await story.cluster.run("delete", "namespace", "story-data", "--ignore-not-found", "--timeout=200s");
  await story.system.helm("uninstall", "spiceai-operator", "--wait", "--ignore-not-found");
}, 300_000);

beginning(story);
changes(story);
certificates(story);
faults(story);
upkeep(story);
ending(story);
