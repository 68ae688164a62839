package authhost

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// invoke runs a mechanism of a plug-in in its host.
func (e *engine) invoke(ctx context.Context, index int, m Mechanism) (step, error) {
	s := step{by: "unprivileged host"}
	if m.Privileged {
		s.by = "privileged host"
	}
	inst, err := e.instance(ctx, m)
	if err != nil {
		return s, err
	}
	if inst.fail == "" && inst.host.dead {
		inst.fail = "its host process is gone"
	}
	if inst.fail != "" {
		s.result, s.note = Undefined, inst.fail
		if index == 0 {
			s.note += " (authd would try the first mechanism again for ever)"
		}
		return s, nil
	}
	inst.index, inst.answered = index, false
	var w writer
	w.number(inst.id)
	w.values(e.hints)
	w.values(e.context)
	w.values(nil) // immutable hints come from authd's own checks of code signatures
	w.number(0)   // arguments
	if err := inst.host.ask(opInvoke, w); err != nil && !errors.Is(err, errHostGone) {
		return s, fmt.Errorf("invoke %s: %w", m, err)
	}
	return e.await(ctx, inst, s)
}

// await waits for the result of inst, without a time-out as authd does.
func (e *engine) await(ctx context.Context, inst *instance, s step) (step, error) {
	for {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case ev := <-e.events:
			again, wanted := e.note(ev)
			switch {
			case wanted:
				s.interrupted, s.again = true, again
				return s, e.deactivate(ctx, inst)
			case ev.from == inst.host && ev.end != nil:
				s.result, s.note = Undefined, "the host process ended: "+describe(ev.end)
				return s, nil
			case ev.message.id != inst.id || ev.end != nil:
			case ev.message.op == opResult:
				return e.answered(inst, ev.message, s), nil
			case ev.message.op == opInvoked && ev.message.code != 0:
				s.result, s.note = Undefined, fmt.Sprintf("MechanismInvoke returned %d", int32(ev.message.code))
				return s, nil
			}
		}
	}
}

func (e *engine) answered(inst *instance, m message, s step) step {
	inst.answered = true
	s.result, s.hints, s.context = Result(m.code), m.hints, m.context
	if s.result > UserCanceled {
		e.fault("%s is none of the four results", s.result)
		// Refused by default: what is not understood is no Allow.
		s.result = Undefined
	}
	return s
}

// note takes down what concerns the engine as a whole, and tells when an
// earlier mechanism wants to be invoked again.
func (e *engine) note(ev event) (again int, wanted bool) {
	if ev.end != nil {
		ev.from.dead = true
		return 0, false
	}
	inst, name := e.instanceOf(ev.message.id)
	switch ev.message.op {
	case opFault:
		e.fault("%s: %.200q", name, ev.message.text)
	case opInterrupt:
		if inst == nil || !inst.answered {
			e.fault("%s asked for an interrupt before its result", name)
			return 0, false
		}
		return inst.index, true
	case opResult:
		if inst != nil && inst.answered {
			e.fault("%s set a second result", name)
		}
	}
	return 0, false
}

func (e *engine) instanceOf(id uint32) (*instance, string) {
	for name, i := range e.instances {
		if i.id == id {
			return i, name
		}
	}
	return nil, fmt.Sprintf("mechanism %d", id)
}

// instance finds the mechanism's instance, or has it created in its host.
func (e *engine) instance(ctx context.Context, m Mechanism) (*instance, error) {
	if i, there := e.instances[m.String()]; there {
		return i, nil
	}
	h, err := e.host(m.Privileged)
	if err != nil {
		return nil, err
	}
	i := &instance{id: uint32(len(e.instances) + 1), host: h}
	e.instances[m.String()] = i
	plugin, err := e.plugin(ctx, h, m.Plugin)
	if err != nil || plugin.fail != "" {
		i.fail = plugin.fail
		return i, err
	}
	var w writer
	w.number(i.id)
	w.number(plugin.id)
	w.bytes([]byte(m.ID))
	reply, err := e.request(ctx, h, opCreate, w, opCreated, i.id)
	switch {
	case errors.Is(err, errHostGone):
		i.fail = "MechanismCreate: " + err.Error()
	case err != nil:
		return nil, err
	case reply.code != 0:
		i.fail = fmt.Sprintf("MechanismCreate returned %d", int32(reply.code))
	}
	return i, nil
}

func (e *engine) host(privileged bool) (*host, error) {
	if h, there := e.hosts[privileged]; there {
		return h, nil
	}
	h, err := startHost(e.setting, privileged, e.events, e.done)
	if err == nil {
		e.hosts[privileged] = h
	}
	return h, err
}

// plugin has the plug-in loaded in the host, once.
func (e *engine) plugin(ctx context.Context, h *host, name string) (loaded, error) {
	path := e.options.Plugins[name]
	if p, there := h.plugins[path]; there {
		return p, nil
	}
	p := loaded{id: uint32(len(h.plugins) + 1)}
	var w writer
	w.number(p.id)
	w.bytes([]byte(path))
	reply, err := e.request(ctx, h, opLoad, w, opLoaded, p.id)
	switch {
	case errors.Is(err, errHostGone):
		p.fail = fmt.Sprintf("plug-in %s was not loaded: %v", name, err)
	case err != nil:
		return loaded{}, err
	case reply.code != 0:
		p.fail = fmt.Sprintf("plug-in %s was not loaded: status %d, %.300s", name, int32(reply.code), reply.text)
	}
	h.plugins[path] = p
	return p, nil
}

// request asks and waits for the answer of that kind with that id.
func (e *engine) request(ctx context.Context, h *host, kind op, w writer, answer op, id uint32) (message, error) {
	if h.dead {
		return message{}, errHostGone
	}
	if err := h.ask(kind, w); err != nil {
		return message{}, err
	}
	for {
		select {
		case <-ctx.Done():
			return message{}, ctx.Err()
		case ev := <-e.events:
			e.note(ev)
			switch {
			case ev.from == h && ev.end != nil:
				return message{}, fmt.Errorf("%w: %s", errHostGone, describe(ev.end))
			case ev.end == nil && ev.message.op == answer && ev.message.id == id:
				return ev.message, nil
			}
		}
	}
}

// deactivate stops a mechanism that is running, and waits until it says so.
func (e *engine) deactivate(ctx context.Context, inst *instance) error {
	var w writer
	w.number(inst.id)
	inst.answered = false
	_, err := e.request(ctx, inst.host, opDeactivate, w, opDeactivated, inst.id)
	if errors.Is(err, errHostGone) {
		return nil
	}
	return err
}

func (e *engine) destroy(ctx context.Context, name string, inst *instance) {
	var w writer
	w.number(inst.id)
	reply, err := e.request(ctx, inst.host, opDestroy, w, opDestroyed, inst.id)
	switch {
	case err != nil:
		e.fault("%s was not destroyed: %v", name, err)
	case reply.code != 0:
		e.fault("%s: MechanismDestroy returned %d", name, int32(reply.code))
	}
}

func describe(end error) string {
	if errors.Is(end, io.EOF) {
		return "it exited by itself"
	}
	return end.Error()
}
