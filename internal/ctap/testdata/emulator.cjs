// Serves an authenticator of npm's nid-webauthn-emulator as a security key: the
// socket speaks CTAPHID in reports of 64 bytes, the emulator CTAP2.
//
//   node emulator.cjs <folder of the module> <socket> <verifies its user: true or false>
"use strict";
const net = require("node:net");
const [module_, socket, verifies] = process.argv.slice(2);
const { AuthenticatorEmulator, PasskeysCredentialsMemoryRepository } = require(module_);

const uv = verifies === "true";
const interaction = (user) => ({ user, options: { uv, up: true } });
const emulator = new AuthenticatorEmulator({
  verifications: { userPresent: true, userVerified: uv },
  userMakeCredentialInteraction: interaction,
  userGetAssertionInteraction: interaction,
  algorithmIdentifiers: process.argv[5] ? [process.argv[5]] : undefined,
  credentialsRepository: new PasskeysCredentialsMemoryRepository(),
});

const REPORT = 64;
const INIT = 0x86, CBOR = 0x90, KEEPALIVE = 0xbb, ERROR = 0xbf;
let channels = 0;

function send(connection, channel, command, data) {
  let report = Buffer.alloc(REPORT);
  report.writeUInt32BE(channel, 0);
  report[4] = command;
  report.writeUInt16BE(data.length, 5);
  let sent = data.copy(report, 7);
  connection.write(report);
  for (let seq = 0; sent < data.length; seq++) {
    report = Buffer.alloc(REPORT);
    report.writeUInt32BE(channel, 0);
    report[4] = seq;
    sent += data.copy(report, 5, sent);
    connection.write(report);
  }
}

function command(message) {
  try {
    const answer = emulator.command({ command: message[0], data: message.length > 1 ? new Uint8Array(message.subarray(1)) : undefined });
    return Buffer.concat([Buffer.from([answer.status]), Buffer.from(answer.data ?? [])]);
  } catch (error) {
    if (error.status === undefined) console.error(error);
    return Buffer.from([error.status ?? 0x7f]);
  }
}

function handle(connection, channel, type, message) {
  if (type === INIT) {
    const answer = Buffer.alloc(17);
    message.copy(answer);
    answer.writeUInt32BE(channel === 0xffffffff ? ++channels : channel, 8);
    answer[12] = 2;
    answer[16] = 0x0c;
    send(connection, channel, INIT, answer);
  } else if (type === CBOR) {
    send(connection, channel, KEEPALIVE, Buffer.from([2]));
    send(connection, channel, CBOR, command(message));
  } else {
    send(connection, channel, ERROR, Buffer.from([1]));
  }
}

net.createServer((connection) => {
  let waiting = Buffer.alloc(0), message = null;
  connection.on("error", () => {});
  connection.on("data", (data) => {
    waiting = Buffer.concat([waiting, data]);
    for (; waiting.length >= REPORT; waiting = waiting.subarray(REPORT)) {
      const channel = waiting.readUInt32BE(0);
      if (waiting[4] & 0x80) {
        message = { type: waiting[4], size: waiting.readUInt16BE(5), data: Buffer.from(waiting.subarray(7, REPORT)) };
      } else if (message) {
        message.data = Buffer.concat([message.data, waiting.subarray(5, REPORT)]);
      }
      if (message && message.data.length >= message.size) {
        handle(connection, channel, message.type, message.data.subarray(0, message.size));
        message = null;
      }
    }
  });
}).listen(socket, () => console.log("ready"));
