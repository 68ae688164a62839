package main

// #cgo CFLAGS: -std=c11 -D_GNU_SOURCE -Wall -Wextra -fvisibility=hidden
// #cgo LDFLAGS: -pthread
// #include <string.h>
// #include "lifecycle.h"
import "C"

import (
	"context"
	"runtime/cgo"
	"time"
	"unsafe"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/mechanism"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// main is not run: the host loads the plug-in as a library.
func main() {}

// latchkeyDecide answers the C side's one question. Whatever goes wrong leaves
// the outcome as C made it: a refusal.
//
//export latchkeyDecide
func latchkeyDecide(i *C.struct_invocation, question *C.struct_question, out *C.struct_outcome) {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asker := cgo.NewHandle(cancel)
	if !C.invocation_tell(i, C.uintptr_t(asker)) {
		asker.Delete()
		return // over before it began
	}
	alive := func(d time.Duration) { C.invocation_alive(i, C.uint(d/time.Second)) }
	write(out, decide(ctx, question, alive))
}

// latchkeyOver ends what is asked for an outcome that nobody waits for.
//
//export latchkeyOver
func latchkeyOver(asker C.uintptr_t) {
	defer func() { _ = recover() }()
	handle := cgo.Handle(asker)
	handle.Value().(context.CancelFunc)()
	handle.Delete()
}

func decide(ctx context.Context, question *C.struct_question, alive func(time.Duration)) mechanism.Outcome {
	places, uid := mechanism.DefaultPlaces(), uint32(question.uid)
	switch question.kind {
	case C.MECHANISM_PROMPT:
		wanted := languages()
		own := words.For(wanted)
		p := mechanism.Prompt{Socket: places.PromptSocket, ContactFile: places.ContactFile, Locales: wanted, Words: own,
			Patience: mechanism.DefaultPromptPatience(), Open: func() (panel.Panel, error) { return openPanel(own) }, Alive: alive}
		return p.Converse(ctx, uid)
	case C.MECHANISM_GATE:
		g := mechanism.Gate{Socket: places.GateSocket, File: places.GateFile, Patience: mechanism.DefaultGatePatience()}
		return mechanism.Outcome{Allow: g.Decide(ctx, uid, ticketOf(question))}
	case C.MECHANISM_REHEARSAL:
		r := mechanism.Rehearsal{Socket: places.GateSocket, File: places.GateFile, Patience: mechanism.DefaultGatePatience().Hung}
		return mechanism.Outcome{Allow: r.Works(ctx)}
	default:
		// Refused by default: C decides mechanisms that it does not know.
		return mechanism.Outcome{}
	}
}

func ticketOf(question *C.struct_question) []byte {
	return C.GoBytes(unsafe.Pointer(&question.ticket), C.int(question.ticket_size))
}

func write(out *C.struct_outcome, outcome mechanism.Outcome) {
	if !outcome.Allow {
		return
	}
	if len(outcome.Ticket) == wire.TicketSize {
		C.memcpy(unsafe.Pointer(&out.ticket), unsafe.Pointer(unsafe.SliceData(outcome.Ticket)), wire.TicketSize)
		out.ticket_size = wire.TicketSize
	}
	out.allow = 1
}
