// A Probot app that does what our receiver is asked to do of a delivery, and nothing after it: it verifies the
// signature, parses, and looks whether a new comment begins with /ask. It keeps a question in memory.
// Run by `thumbprint bench receiver --probot FOLDER`, where FOLDER has Probot (`npm install probot@14.3.2`).
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const entry = createRequire(`${folder}/package.json`).resolve("probot");
const { Server, Probot } = await import(pathToFileURL(entry));

const asked = [];
const server = new Server({
  port: Number(port),
  host: "127.0.0.1",
  Probot: Probot.defaults({
    appId: 1,
    privateKey: process.env.PRIVATE_KEY,
    secret: process.env.WEBHOOK_SECRET,
  }),
});
await server.load((app) => {
  app.on("issue_comment.created", async (context) => {
    if (context.payload.comment.body.startsWith("/ask ")) asked.push(context.id);
  });
});
await server.start();
