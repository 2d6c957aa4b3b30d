import { killPoints } from "../support/kill-points.ts";

killPoints({ acceleration: "mode: file\nparams: { partition_mode: tables }", lane: 1 });
