package systemlog

import "time"

// Entry is an event as Okta's System Log API has it (LogEvent in Okta's
// management description), with its place in the chain besides. The lists and
// maps in it are never nil.
type Entry struct {
	UUID           string           `json:"uuid"`
	Published      time.Time        `json:"published"`
	EventType      string           `json:"eventType"`
	Version        string           `json:"version"`
	Severity       string           `json:"severity"`
	DisplayMessage string           `json:"displayMessage"`
	Actor          Actor            `json:"actor"`
	Client         EntryClient      `json:"client"`
	Outcome        Outcome          `json:"outcome"`
	Target         []Target         `json:"target"`
	Transaction    EntryTransaction `json:"transaction"`
	DebugContext   EntryDebug       `json:"debugContext"`
	Latchkey       EntryChain       `json:"latchkey"`
}

// EntryClient is LogClient.
type EntryClient struct {
	IPAddress string         `json:"ipAddress"`
	UserAgent EntryUserAgent `json:"userAgent"`
}

// EntryUserAgent is LogUserAgent.
type EntryUserAgent struct {
	Raw string `json:"rawUserAgent"`
}

// EntryTransaction is LogTransaction: the request that the event came of.
type EntryTransaction struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Detail map[string]string `json:"detail"`
}

// EntryDebug is LogDebugContext.
type EntryDebug struct {
	DebugData map[string]string `json:"debugData"`
}

// EntryChain is where the event stands in the chain.
type EntryChain struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// Entry is the event for others to read.
func (e Event) Entry() Entry {
	out := Entry{UUID: e.ID, Published: e.Published, EventType: e.Type, Version: "0", Severity: e.Severity, DisplayMessage: e.Message, Actor: e.Actor,
		Client: EntryClient{IPAddress: e.Client.IPAddress, UserAgent: EntryUserAgent{Raw: e.Client.UserAgent}}, Outcome: e.Outcome, Target: e.Targets,
		Transaction:  EntryTransaction{ID: e.Request, Type: "WEB", Detail: map[string]string{}},
		DebugContext: EntryDebug{DebugData: e.Detail}, Latchkey: EntryChain{Seq: e.Seq, Hash: e.Hash}}
	if out.Target == nil {
		out.Target = []Target{}
	}
	if out.DebugContext.DebugData == nil {
		out.DebugContext.DebugData = map[string]string{}
	}
	return out
}
