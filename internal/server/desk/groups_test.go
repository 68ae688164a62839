package desk

import (
	"errors"
	"strings"
	"testing"
)

func TestReadMembers(t *testing.T) {
	good, err := ReadMembers("Zürich, amy@example.com\n\n\"Desk 2\",bob\r\n")
	if err != nil || len(good) != 2 || good[0] != (Membership{1, "Zürich", "amy@example.com"}) || good[1] != (Membership{3, "Desk 2", "bob"}) {
		t.Errorf("%+v %v", good, err)
	}
	for list, want := range map[string]string{
		"": "no line", "a": "line 1", "a,b\nc,": "line 2: missing", "a,b,c": "line 1", "a,\"b": "line 1", "a,b\x00": "printable",
		strings.Repeat("a,b\n", 1001): "more than 1000",
	} {
		var bad *InvalidError
		if _, err := ReadMembers(list); !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", list, err, want)
		}
	}
}

func FuzzReadMembers(f *testing.F) {
	for _, seed := range []string{"a,b", "a,b\n\"c\n\",d", "", ",", "a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, err := ReadMembers(list)
		if (err == nil) != (len(got) > 0) {
			t.Errorf("%d lines, %v", len(got), err)
		}
		for _, m := range got {
			if m.Group == "" || m.Login == "" || m.Line < 1 {
				t.Errorf("%+v", m)
			}
		}
	})
}
