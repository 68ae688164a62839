package authhost

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Reasons in the hint "reason" (SecurityAgent's list).
const (
	reasonNone              = 0
	reasonInvalidPassphrase = 21
	reasonWorldChanged      = 101
)

// engine evaluates one right once.
type engine struct {
	options Options
	setting hostSetting
	log     *transcript

	events chan event
	done   chan struct{} // closed at the end: nobody takes events any longer

	hosts     map[bool]*host       // by privileged
	instances map[string]*instance // by entry of the list: a restart meets the same ones

	hints, context values
	passThrough    *Credentials // FileVault's, until they are spent
	outcome        Outcome
}

// instance is a mechanism that a host has created, or could not.
type instance struct {
	id       uint32
	host     *host
	fail     string // why it cannot run
	index    int    // where in the list it ran last
	answered bool   // it set its result for the present invocation
}

// evaluate goes round by round, as _evaluate_class_mechanism does.
func (e *engine) evaluate(ctx context.Context) error {
	if len(e.options.Right.Mechanisms) == 0 {
		e.log.line("!!! THE MECHANISM LIST IS EMPTY: authd takes that for success and lets everyone in")
		return e.end(Allow, "")
	}
	reason := uint32(reasonNone)
	for round := 1; round <= e.options.Right.Tries; round++ {
		e.begin(round, reason)
		result, cause, err := e.round(ctx)
		if err != nil {
			return err
		}
		if result != Deny {
			return e.end(result, cause)
		}
		reason = reasonInvalidPassphrase
		e.outcome.Cause = cause
	}
	return e.end(Deny, fmt.Sprintf("%d rounds were denied, the last: %s", e.options.Right.Tries, e.outcome.Cause))
}

func (e *engine) end(result Result, cause string) error {
	e.outcome.Result, e.outcome.Cause = result, cause
	if uid, ok := e.context.number(keyUID); ok && result == Allow {
		e.outcome.UID, e.outcome.User = uid, e.context.text(keyUsername)
	}
	return nil
}

// begin prepares a round: of the last one only sticky context survives.
func (e *engine) begin(round int, reason uint32) {
	kept := e.context.sticky()
	for key, old := range e.context {
		if _, keep := kept[key]; !keep {
			clear(old.data)
		}
	}
	e.context = kept
	e.hints = e.environment()
	e.hints.setNumber(keyTries, 0, uint32(round-1))
	e.hints.setNumber(keyReason, 0, reason)
	e.outcome.Rounds = round
	e.log.line("round %d  tries %d  reason %d", round, round-1, reason)
	if names := kept.changes(nil); names != "" {
		e.log.line("     sticky context kept: %s", names)
	}
}

// round runs the list from its start to its end, or to what ends it.
func (e *engine) round(ctx context.Context) (Result, string, error) {
	for i := 0; i < len(e.options.Right.Mechanisms); {
		s, err := e.step(ctx, i)
		switch {
		case err != nil:
			return Undefined, "", err
		case s.interrupted:
			e.log.line("     interrupt: %s asked to be invoked again", e.options.Right.Mechanisms[s.again])
			e.hints.setNumber(keyReason, 0, reasonWorldChanged)
			i = s.again
		case s.result != Allow:
			return s.result, e.options.Right.Mechanisms[i].String() + ": " + s.cause(), nil
		default:
			i++
		}
	}
	return Allow, "", nil
}

// step is what came of one mechanism.
type step struct {
	result         Result
	by             string // who ran it, for the transcript
	note           string // what else is worth saying
	hints, context values // nil: unchanged
	interrupted    bool   // an earlier mechanism wants to run again,
	again          int    // that one
}

func (s step) cause() string {
	if s.note != "" {
		return s.note
	}
	return "answered " + s.result.String()
}

// step runs the mechanism at index i and merges what it left.
func (e *engine) step(ctx context.Context, i int) (step, error) {
	m := e.options.Right.Mechanisms[i]
	run := e.stand
	if _, ours := e.options.Plugins[m.Plugin]; ours {
		run = e.invoke
	}
	s, err := run(ctx, i, m)
	if err != nil || s.interrupted {
		return s, err
	}
	if s.hints == nil {
		s.hints, s.context = e.hints, e.context
	}
	e.log.step(i, m.String(), s.by, s.result, changed("hints", s.hints.changes(e.hints)),
		changed("context", s.context.changes(e.context)), s.note)
	e.hints, e.context = s.hints, s.context
	return s, nil
}

// fault notes a breach of a contract; the evaluation goes on.
func (e *engine) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	e.outcome.Faults = append(e.outcome.Faults, text)
	e.log.line("     FAULT: %s", text)
}

// close takes all mechanisms and hosts down; results no longer count.
func (e *engine) close() {
	ctx, cancel := context.WithTimeout(context.Background(), teardown)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(e.instances)) {
		if i := e.instances[name]; i.fail == "" && !i.host.dead {
			e.destroy(ctx, name, i)
		}
	}
	close(e.done)
	for _, h := range e.hosts {
		h.stop(ctx)
	}
	e.context.wipe()
}
