package profile

import (
	"bytes"
	"strings"
)

// secretKeys are names under which profiles hold secrets, ours and others'.
func secretKey(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"secret", "password", "challenge", "token", "privatekey", "passphrase"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	// DMFAClientSecret with a slip in it.
	return len(name) < 40 && near(strings.TrimSpace(name), "dmfaclientsecret")
}

// hideSecrets puts a placeholder into the place of every secret of a file,
// however malformed it is: a key that names one, and what stands behind it up
// to the next key.
func hideSecrets(src []byte) []byte {
	h := hider{scanner: scanner{src: src, place: place{src: src}, found: &findings{list: make([]Finding, most)}}}
	for {
		t, more := h.next()
		if !more {
			return h.out.Bytes()
		}
		h.take(t)
	}
}

// hider copies a file but for its secrets.
type hider struct {
	scanner
	out    bytes.Buffer
	inKey  bool
	last   string // the text before, which may be a key
	hiding bool   // behind a key that names a secret
	hid    bool   // something was hidden since
}

func (h *hider) take(t token) {
	raw := h.src[t.start:t.end]
	name := element(t.name)
	switch {
	case t.form == opening && name == "key":
		// A second <key> right behind may be a </key> without its slash.
		h.inKey, h.hiding = true, h.hiding && !h.hid
	case t.form == closing && name == "key":
		h.begin(h.last)
		h.inKey = false
	case t.form == opening && h.hiding && len(raw) > len(t.name)+3:
		raw, h.hid = []byte("<"+t.name+" [hidden]>"), true
	case t.form == text || t.form == cdata || t.form == remark:
		raw = h.text(raw)
	}
	h.out.Write(raw)
}

// begin hides what comes, if a key names a secret.
func (h *hider) begin(key string) {
	if secretKey(key) {
		h.hiding, h.hid = true, false
	}
}

func (h *hider) text(raw []byte) []byte {
	if len(bytes.TrimSpace(raw)) == 0 {
		return raw
	}
	if h.hiding {
		h.hid = true
		return hidden(raw)
	}
	h.last = string(raw[:min(len(raw), 256)])
	key, value, torn := bytes.Cut(raw, []byte("/key>"))
	if torn || h.inKey || bytes.HasPrefix(bytes.TrimSpace(raw), []byte("key>")) {
		h.begin(string(key))
	}
	if torn && h.hiding {
		h.hid = len(bytes.TrimSpace(value)) > 0
		return append(append(bytes.Clone(key), "/key>"...), hidden(value)...)
	}
	return raw
}

// hidden keeps the lines and the space around, so that a difference stays one
// of lines.
func hidden(raw []byte) []byte {
	if len(bytes.TrimSpace(raw)) == 0 {
		return raw
	}
	var out bytes.Buffer
	for line := range bytes.Lines(raw) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			i := bytes.Index(line, trimmed)
			out.Write(line[:i])
			out.WriteString("[hidden]")
			line = line[i+len(trimmed):]
		}
		out.Write(line)
	}
	return out.Bytes()
}
