package locale_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latchkey-mfa/latchkey/internal/locale"
	"pgregory.net/rapid"
)

func files(t *testing.T, content map[string]string) locale.Files {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range content {
		folder["texts/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, err := locale.Read(folder, "texts")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPick(t *testing.T) {
	f := files(t, map[string]string{"en.json": `{"a":"A"}`, "de.json": `{"a":"Ä"}`, "pt-BR.json": `{"a":"Ã"}`})
	for wanted, want := range map[string]string{
		"":                     "en",
		"de":                   "de",
		"de-AT":                "de",
		"de_CH.UTF-8":          "de",
		"DE-Latn-LI":           "de",
		"fr,de,en":             "de",
		"fr,en,de":             "en",
		"pt-BR":                "pt-br",
		"pt":                   "en", // Brazil's is not everybody's
		"den":                  "en",
		"../de":                "en",
		"-":                    "en",
		strings.Repeat("-", 9): "en",
	} {
		if got := f.Pick(strings.Split(wanted, ",")); got != want {
			t.Errorf("%q picks %q, want %q", wanted, got, want)
		}
	}
}

func TestText(t *testing.T) {
	f := files(t, map[string]string{"en.json": `{"a":"A","b":"B"}`, "de.json": `{"a":"Ä"}`})
	for _, c := range [][3]string{{"de", "a", "Ä"}, {"de", "b", "B"}, {"xx", "a", "A"}, {"de", "c", "c"}} {
		if got := f.Text(c[0], c[1]); got != c[2] {
			t.Errorf("%q in %q is %q, want %q", c[1], c[0], got, c[2])
		}
	}
}

func TestGaps(t *testing.T) {
	f := files(t, map[string]string{"en.json": `{"a":"{x} A","b":"B","c":"C"}`, "de.json": `{"a":"{y} Ä","c":"C","d":"D"}`})
	got := strings.Join(f.Gaps(), "\n")
	want := "de has \"d\", which English has not\nde has no \"b\"\nde: \"a\" has other placeholders than in English"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReadSaysWhichFile(t *testing.T) {
	_, err := locale.Read(fstest.MapFS{"texts/de.json": &fstest.MapFile{Data: []byte(`{"a":1}`)}}, "texts")
	if err == nil || !strings.Contains(err.Error(), "texts/de.json") {
		t.Errorf("%v", err)
	}
}

// TestFillFillsOnce: what is filled in may look like a name itself.
func TestFillFillsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value, other := rapid.String().Draw(t, "value"), rapid.String().Draw(t, "other")
		got := locale.Fill("<{a}|{b}|{c}>", "a", value, "b", other)
		if got != "<"+value+"|"+other+"|{c}>" {
			t.Errorf("filled with %q and %q: %q", value, other, got)
		}
	})
	if got := locale.Fill("{a}", "a"); got != "{a}" {
		t.Errorf("a name without a value gives %q", got)
	}
}
