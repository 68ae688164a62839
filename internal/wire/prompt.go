package wire

import "fmt"

// The names of the messages on the prompt and gate sockets.
const (
	MsgHello  = "hello"
	MsgBegin  = "begin"
	MsgScreen = "screen"
	MsgAct    = "act"
	MsgDone   = "done"
	MsgDecide = "decide"
)

// Roles a client names in hello; each socket takes only its own.
const (
	RolePrompt  = "prompt"
	RoleGate    = "gate"
	RoleControl = "control"
	RoleSession = "session" // a person's own session: enrolment, and what there is of theirs
)

// Results of a conversation, the values of Done.Result.
const (
	ResultContinue = "continue" // Allow, and let the gate decide
	ResultBack     = "back"     // Deny: back to the password
)

// TicketSize is the length of a ticket in bytes.
const TicketSize = 16

// TicketHint is the hint that carries the ticket from prompt to gate.
const TicketHint = "dev.latchkey.ticket"

// Act is what the person did on the screen with that sequence number.
type Act struct {
	Seq    uint64
	Action string
	Choice string
	Values map[string]string
}

// Dictionary is the act as the prompt socket carries it.
func (a Act) Dictionary() Dictionary {
	values := Dictionary{}
	for name, value := range a.Values {
		values[name] = value
	}
	d := Dictionary{"seq": a.Seq, "action": a.Action, "values": values}
	putText(d, "choice", a.Choice)
	return d
}

// ActFrom reads an act and refuses one that is out of bounds. Errors name the
// field, never the value: it may be a code.
func ActFrom(d Dictionary) (Act, error) {
	r := &reader{from: d}
	a := Act{Seq: need[uint64](r, "seq"), Action: r.text("action", MaxName), Choice: r.optional("choice", MaxName)}
	values := need[Dictionary](r, "values")
	if r.err != nil {
		return Act{}, r.err
	}
	if len(values) > MaxItems {
		return Act{}, fmt.Errorf("field \"values\": %d entries, at most %d", len(values), MaxItems)
	}
	a.Values = make(map[string]string, len(values))
	for name := range values {
		v := &reader{from: values}
		a.Values[name] = v.text(name, MaxValue)
		if v.err != nil || len(name) > MaxName {
			return Act{}, fmt.Errorf("field \"values\": an entry is no text of at most %d bytes", MaxValue)
		}
	}
	return a, nil
}

// Done ends a conversation.
type Done struct {
	Result string
	Ticket []byte // TicketSize bytes with ResultContinue, or none
}

// Dictionary is the end as the prompt socket carries it.
func (e Done) Dictionary() Dictionary {
	d := Dictionary{"result": e.Result}
	if len(e.Ticket) != 0 {
		d["ticket"] = e.Ticket
	}
	return d
}

// DoneFrom reads the end of a conversation.
func DoneFrom(d Dictionary) (Done, error) {
	r := &reader{from: d}
	e := Done{Result: r.text("result", MaxName)}
	e.Ticket, _ = maybe[[]byte](r, "ticket")
	if r.err == nil && len(e.Ticket) != 0 && len(e.Ticket) != TicketSize {
		r.err = fmt.Errorf("field \"ticket\": %d bytes, want %d", len(e.Ticket), TicketSize)
	}
	return e, r.err
}

// Decide is the gate's question. UID is what it read from the context itself.
type Decide struct {
	UID    uint32
	Ticket []byte
}

// Dictionary is the question as the gate socket carries it.
func (q Decide) Dictionary() Dictionary {
	d := Dictionary{"uid": uint64(q.UID)}
	if len(q.Ticket) != 0 {
		d["ticket"] = q.Ticket
	}
	return d
}

// DecideFrom reads the gate's question.
func DecideFrom(d Dictionary) (Decide, error) {
	r := &reader{from: d}
	uid := need[uint64](r, "uid")
	ticket, _ := maybe[[]byte](r, "ticket")
	if r.err == nil && uid > 1<<32-1 {
		r.err = fmt.Errorf("field \"uid\": %d is no user id", uid)
	}
	if r.err == nil && len(ticket) != 0 && len(ticket) != TicketSize {
		r.err = fmt.Errorf("field \"ticket\": %d bytes, want %d", len(ticket), TicketSize)
	}
	return Decide{UID: uint32(uid), Ticket: ticket}, r.err
}

// Decision is the daemon's answer to the gate.
type Decision struct {
	Allow  bool
	Reason string
}

// Dictionary is the answer as the gate socket carries it.
func (a Decision) Dictionary() Dictionary {
	return Dictionary{"allow": a.Allow, "reason": a.Reason}
}

// DecisionFrom reads the daemon's answer.
func DecisionFrom(d Dictionary) (Decision, error) {
	r := &reader{from: d}
	a := Decision{Allow: need[bool](r, "allow"), Reason: r.text("reason", MaxText)}
	if r.err != nil {
		// Refused by default: an answer that cannot be read is no allow.
		return Decision{}, r.err
	}
	return a, nil
}
