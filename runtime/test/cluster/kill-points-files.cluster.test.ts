import { killPoints } from "../support/kill-points.ts";

killPoints({ acceleration: ["mode: file"], lane: 0 });
