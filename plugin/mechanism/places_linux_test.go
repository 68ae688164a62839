package mechanism

import (
	"strings"
	"testing"
)

func TestLocales(t *testing.T) {
	for _, v := range []string{"LC_ALL", "LC_MESSAGES"} {
		t.Setenv(v, "")
	}
	for lang, want := range map[string]string{"de_AT.UTF-8": "de-AT", "sr_RS@latin": "sr-RS", "C": "", "C.UTF-8": "", "": ""} {
		if t.Setenv("LANG", lang); strings.Join(Locales(), ",") != want {
			t.Errorf("%q gives %q, want %q", lang, Locales(), want)
		}
	}
	t.Setenv(SocketsVariable, "/somewhere")
	if got := DefaultPlaces().GateSocket; got != "/somewhere/gate.sock" {
		t.Errorf("gate socket at %s", got)
	}
}
