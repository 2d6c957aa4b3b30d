// Runs before anything else may load native modules: some die without a message under an older Node.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `Node ${process.versions.node} is too old: this project needs Node 24 or newer. ` +
      "On Linux x64 `npm ci` installs it as node_modules/.bin/node; elsewhere put a Node 24 on the PATH.",
  );
  process.exit(1);
}
