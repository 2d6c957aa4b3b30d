import { killPoints } from "../support/kill-points.ts";

killPoints({ acceleration: ["mode: file", "params: { partition_mode: tables }"], lane: 1 });
