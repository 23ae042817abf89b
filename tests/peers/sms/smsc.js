// An SMSC on npm's smpp, scripted by one JSON argument; tells what it sees as lines of JSON on stdout.
//
// password: the only one accepted, or any.       ids: form of the id in the submit response, "hex" or "decimal".
// receipts: "text", "tlv" or "none".             receiptIds: form of the id in receipts, "hex" or "decimal".
// throttleEvery: every n-th submit gets 0x58.    limit: submits a second, by whole seconds; above it 0x58.
// hold: answer nothing.                          dropAfter: cut the connection after the n-th submit, once.
'use strict';

const smpp = require('smpp');

const script = Object.assign(
  { ids: 'hex', receipts: 'text', receiptIds: 'hex', quiet: false },
  JSON.parse(process.argv[2] || '{}'),
);
let submits = 0;
let accepted = 0;
let open = 0;
let peak = 0;
let second = 0;
let inSecond = 0;
let dropped = false;
const parts = new Map();

function tell(event, fields) {
  process.stdout.write(JSON.stringify(Object.assign({ event }, fields)) + '\n');
}

function form(number, kind) {
  return kind === 'hex' ? number.toString(16).toUpperCase().padStart(8, '0') : String(number).padStart(10, '0');
}

function join(pdu) {
  const { udh, message } = pdu.short_message;
  const header = Array.isArray(udh) ? udh[0] : udh;
  if (!header) return message;
  // Element identifier, length, reference, total, number.
  const [reference, total, number] = header.subarray(2);
  const key = `${pdu.destination_addr}/${reference}`;
  const known = parts.get(key) || new Map();
  parts.set(key, known.set(number, message));
  if (known.size < total) return null;
  parts.delete(key);
  return Array.from({ length: total }, (_, index) => known.get(index + 1)).join('');
}

function throttled() {
  if (script.throttleEvery && submits % script.throttleEvery === 0) return true;
  if (!script.limit) return false;
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) [second, inSecond] = [now, 0];
  inSecond += 1;
  return inSecond > script.limit;
}

function sendReceipt(session, pdu, number) {
  const id = form(number, script.receiptIds);
  const receipt = {
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    esm_class: 0x04,
  };
  if (script.receipts === 'tlv') {
    receipt.receipted_message_id = id;
    receipt.message_state = 2;
  } else {
    receipt.short_message =
      `id:${id} sub:001 dlvrd:001 submit date:2611221017 done date:2611221018 stat:DELIVRD err:000 text:`;
  }
  session.deliver_sm(receipt, (answer) => {
    if (!script.quiet) tell('receipt_answered', { status: answer.command_status });
  });
}

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('close', () => tell('closed', {}));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => session.send(pdu.response(), () => session.close()));
  session.on('bind_transceiver', (pdu) => {
    const good = script.password === undefined || pdu.password === script.password;
    session.send(pdu.response({ command_status: good ? 0 : smpp.ESME_RINVPASWD }));
    tell('bind', { good });
  });
  session.on('submit_sm', (pdu) => {
    submits += 1;
    open += 1;
    peak = Math.max(peak, open);
    if (!script.quiet) tell('submit', { to: pdu.destination_addr, number: submits });
    if (script.dropAfter === submits && !dropped) {
      dropped = true;
      session.destroy();
      return;
    }
    if (script.hold) return;
    // A turn later, so that what the client keeps open at once can be seen.
    setImmediate(() => {
      open -= 1;
      if (throttled()) {
        session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
        return;
      }
      accepted += 1;
      const number = 0xa0000 + accepted;
      session.send(pdu.response({ message_id: form(number, script.ids) }));
      const text = join(pdu);
      if (text !== null && !script.quiet) {
        tell('message', { to: pdu.destination_addr, from: pdu.source_addr, text, peak });
      }
      if (script.receipts !== 'none' && pdu.registered_delivery & 1) sendReceipt(session, pdu, number);
    });
  });
});

server.listen(0, '127.0.0.1', () => tell('ready', { port: server.address().port }));
