package desk

import (
	"errors"
	"strings"
	"testing"
)

func TestReadPrelinks(t *testing.T) {
	good, err := ReadPrelinks("C02A, amy, amy@example.com\n\n\"C02B\",bob,b@example.com\r\n")
	if err != nil || len(good) != 2 || good[0] != (Prelink{1, "C02A", "amy", "amy@example.com"}) || good[1].Line != 3 {
		t.Errorf("%+v %v", good, err)
	}
	for list, want := range map[string]string{
		"":                              "no line",
		"C02A,amy":                      "line 1",
		"C02A,amy,x\nC02B,,y":           "line 2: missing",
		"C02A,amy,x\nC02B,bob,y,z":      "line 2",
		"C02A,amy,\"x":                  "line 1",
		"C02A,amy,a\x00b":               "printable",
		strings.Repeat("a,b,c\n", 1001): "more than 1000",
	} {
		var bad *InvalidError
		if _, err := ReadPrelinks(list); !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", list, err, want)
		}
	}
}

func FuzzReadPrelinks(f *testing.F) {
	for _, seed := range []string{"a,b,c", "a,b,c\n\"d\n\",e,f", "", ",,", "a;b;c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, err := ReadPrelinks(list)
		if (err == nil) != (len(got) > 0) {
			t.Errorf("%d lines, %v", len(got), err)
		}
		for _, p := range got {
			if p.Serial == "" || p.Name == "" || p.Login == "" || p.Line < 1 {
				t.Errorf("%+v", p)
			}
		}
	})
}
