package catalogue

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/locale"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func open(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestText(t *testing.T) {
	for _, c := range []struct{ english, german string }{
		{"Sign in", "Anmelden"},
		{"Open your authenticator app and type the code for “Mac of Anna. Really”.", "Öffnen Sie Ihre Authenticator-App und geben Sie den Code für „Mac of Anna. Really“ ein."},
		{"Set up: Device access code", "Einrichten: Gerätecode"},
		{"Device access code: set up", "Gerätecode: eingerichtet"},
		{"Too many wrong codes. You can try again in 1 minute.", "Zu viele falsche Codes. Der nächste Versuch ist möglich in: 1 Minute."},
		{"Recovery PIN accepted. It works again on this Mac for 3 hours 20 minutes.", "Wiederherstellungs-PIN angenommen. Sie gilt auf diesem Mac noch für: 3 Stunden 20 Minuten."},
		{"Too many wrong PINs. Wait 2 minutes before the next try. Read the device code to the help desk: only a PIN made for it is taken now.",
			"Zu viele falsche PINs. Warten Sie vor dem nächsten Versuch 2 Minuten. Lesen Sie dem Helpdesk die Gerätenummer vor: Jetzt wird nur eine PIN angenommen, die zu ihr gehört."},
		{"It is the PIN that was given to the key itself, not your password and not a recovery PIN. 5 tries are left before the key locks for good.",
			"Gemeint ist die PIN des Schlüssels selbst, nicht Ihr Passwort und keine Wiederherstellungs-PIN. Noch 5 Versuche, bis der Schlüssel endgültig gesperrt ist."},
		{"Since your last sign-in: A second factor was set up for you on 3 March 2026 at 09:05 UTC. Your second factor was removed on this Mac on 24 December 2026 at 18:00 UTC.",
			"Seit Ihrer letzten Anmeldung: Am 3. März 2026 um 09:05 Uhr UTC wurde für Sie ein zweiter Faktor eingerichtet. Ihr zweiter Faktor wurde am 24. Dezember 2026 um 18:00 Uhr UTC auf diesem Mac entfernt."},
		{"This Mac's account is connected to {name}@example.com.", "Der Account dieses Mac ist mit {name}@example.com verbunden."},
		{"Nobody has written this yet.", "Nobody has written this yet."},
		{"Call the help desk. Nobody has written this yet.", "Rufen Sie den Helpdesk an. Nobody has written this yet."},
		{"", ""},
	} {
		if got := open(t).For([]string{"de-CH"}).Text(c.english); got != c.german {
			t.Errorf("%q\n is %q\nwant %q", c.english, got, c.german)
		}
		if got := open(t).For([]string{"xx", "en"}).Text(c.english); got != c.english {
			t.Errorf("%q is %q in English", c.english, got)
		}
	}
}

// TestALongText: a panel refuses a screen that is out of bounds, and the person
// would be told that the daemon is gone.
func TestALongText(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("Then plug it in again. ", 170))
	if got := open(t).For([]string{"de"}).Text(long); len(got) > wire.MaxText || !strings.HasPrefix(got, "Then plug") {
		t.Errorf("%d bytes: %.40s", len(got), got)
	}
}

// TestScreenKeepsData: a computer may be called as one of our texts.
func TestScreenKeepsData(t *testing.T) {
	s := wire.Screen{Seq: 7, Kind: wire.KindContact, Title: "Contact your administrator", Number: "47", QR: "Continue", Busy: true,
		Note:    &wire.Note{Level: wire.LevelError, Text: "That is not the PIN of this key."},
		Facts:   []wire.Fact{{Label: "Model", Value: "Phone", Spoken: "Phone"}, {Label: "Device code", Value: "a new one in 50 seconds", Spoken: "a new one in 50 seconds"}},
		Fields:  []wire.Field{{Name: "login", Kind: wire.FieldText, Label: "Code", Value: "Sign in"}},
		Choices: []wire.Choice{{ID: "Keep", Label: "Security key", Reason: "Your organization answers with an error (HTTP 503)."}},
		Actions: []wire.Action{{ID: wire.ActionBack, Label: "Back to the password", Role: wire.RoleCancel}}}
	before := s.Dictionary()
	got := open(t).For([]string{"de"}).Screen(s)
	want := s
	want.Title, want.Note = "Wenden Sie sich an Ihre Administration", &wire.Note{Level: wire.LevelError, Text: "Das ist nicht die PIN dieses Schlüssels."}
	want.Facts = []wire.Fact{{Label: "Modell", Value: "Phone", Spoken: "Phone"}, {Label: "Gerätenummer", Value: "eine neue in 50 Sekunden", Spoken: "eine neue in 50 Sekunden"}}
	want.Choices = []wire.Choice{{ID: "Keep", Label: "Sicherheitsschlüssel", Reason: "Ihre Organisation antwortet mit einem Fehler (HTTP 503)."}}
	want.Actions = []wire.Action{{ID: wire.ActionBack, Label: "Zurück zum Passwort", Role: wire.RoleCancel}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(s.Dictionary(), before) {
		t.Error("the screen itself was changed, which the engine compares")
	}
}

// TestFiles: a translation fills in what the English text does, and nothing else.
func TestFiles(t *testing.T) {
	for language, texts := range open(t).files {
		for english, text := range texts {
			if text == "" || !slices.Equal(locale.Placeholders(english), locale.Placeholders(text)) {
				t.Errorf("%s: %q is %q, which fills in something else", language, english, text)
			}
		}
	}
}

// written are the texts in the source of what draws screens, with {} where
// something is filled in, and where they stand.
func written(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range []string{"login", "securitykey", "session", "org", "service", "factor/accesscode", "factor/devicepin", "factor/offlinekey", "factor/online"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool { return collect(n, set, found) })
		}
	}
	return found
}

func collect(n ast.Node, set *token.FileSet, found map[string]string) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.FuncDecl:
		return n.Name.Name != "Error"
	case *ast.CallExpr:
		// What is for the log, and for whoever programs.
		if called, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Errorf", "New", "Report", "Record", "Format", "recovered"}, called.Sel.Name) {
			return false
		}
	case ast.Expr:
		if text, ok := flat(n); ok {
			found[strings.TrimSpace(regexp.MustCompile(`%[sd]`).ReplaceAllString(text, "{}"))] = set.Position(n.Pos()).String()
			return false
		}
	}
	return true
}

// flat is a text that is put together, with {} for what is no text in the source.
func flat(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, one := flat(e.X)
		right, other := flat(e.Y)
		if !one {
			left = "{}"
		}
		if !other {
			right = "{}"
		}
		return left + right, (one || other) && e.Op == token.ADD
	}
	return "", false
}

// forPeople tells texts of screens from names in events, keys and headers. In
// package service most texts are of the command line, which is English.
func forPeople(text, place string) bool {
	if strings.Contains(place, "/service/") {
		return regexp.MustCompile(`^(Your|This) .*\.$|^Contact admin$`).MatchString(text)
	}
	return regexp.MustCompile(`^[A-Z].*[a-z]`).MatchString(text) && !regexp.MustCompile(`^[A-Za-z0-9]+_[A-Za-z0-9_]+$|^Accept$`).MatchString(text) ||
		strings.Contains(text, " ") && !strings.HasPrefix(text, "could not") && regexp.MustCompile(`[a-z]{2}`).MatchString(text)
}

// TestEveryTextIsThere: whoever adds a text to a screen adds it to every language.
func TestEveryTextIsThere(t *testing.T) {
	texts := written(t)
	hole := regexp.MustCompile(`\{[a-z0-9]*\}`)
	shape := func(text string) string {
		return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(hole.ReplaceAllString(text, "{}")), "{}"))
	}
	looked := 0
	for language, known := range open(t).files {
		shapes := map[string]bool{}
		for english := range known {
			shapes[shape(english)] = true
		}
		for text, place := range texts {
			if !forPeople(text, place) {
				continue
			}
			looked++
			if !shapes[shape(text)] {
				t.Errorf("%s: %s.json has no %q", place, language, text)
			}
		}
	}
	if looked < 150 {
		t.Errorf("only %d texts were looked at", looked)
	}
}
