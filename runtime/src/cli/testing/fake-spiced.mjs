// Takes the flags of spiced and answers just enough for the commands that start and watch processes.
import { existsSync } from "node:fs";
import { createServer } from "node:http";

const value = (flag) => process.argv[process.argv.indexOf(flag) + 1];
const role = value("--role");
if (process.argv.includes("--scheduler-address") && existsSync("executors-fail")) {
  console.error("no such certificate");
  process.exit(1);
}
process.on("SIGTERM", () => process.exit(0));
let asked = 0;
createServer((request, response) => {
  asked += 1;
  const ready = asked > 4;
  if (request.url.startsWith("/v1/ready")) {
    response.writeHead(ready ? 200 : 503).end(ready ? "ready" : "not ready");
  } else if (request.url.startsWith("/v1/datasets")) {
    const partitions = { total: 12, loaded: ready ? 12 : 3 };
    response.end(JSON.stringify([{ name: "flights", status: "Ready", partitions }]));
  } else if (request.url === "/v1/sql") {
    response.writeHead(200, { "X-Spice-Executors": "a, b", "X-Spice-Partitions-Total": "12" });
    response.end("+---+\n| n |\n+---+\n| 1 |\n+---+\n");
  } else response.writeHead(404).end();
}).listen(Number(value("--http").split(":")[1]), "127.0.0.1", () => console.log(`${role} listens`));
