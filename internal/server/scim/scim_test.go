package scim_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// attributes of the row that expressions are asked about.
func attributes() map[string]scim.Attribute {
	return map[string]scim.Attribute{
		"name":    {Column: "r.name"},
		"level":   {Column: "r.level", Fold: strings.ToUpper},
		"serial":  {Column: "r.level", Only: []scim.Operator{scim.Equal}},
		"created": {Column: "r.created", Kind: scim.Moment},
		"managed": {Column: "r.managed", Kind: scim.Flag},
		"tag":     {Column: "t.tag", Within: "EXISTS (SELECT 1 FROM (SELECT 'red' AS tag UNION ALL SELECT 'green' AS tag) t WHERE %s)"},
	}
}

// row is a table of one row, in both databases.
const row = ` FROM (SELECT 'Amy''s 100% Mac\_' AS name, 'WARN' AS level, CAST(1764000000000000 AS BIGINT) AS created, TRUE AS managed) r WHERE `

func TestExpressions(t *testing.T) {
	db := storetest.Open(t)
	at := time.UnixMicro(1764000000000000).UTC()
	before, same := at.Add(-time.Second).Format(time.RFC3339), at.Format(time.RFC3339)
	for expression, want := range map[string]bool{
		`name eq "Amy's 100% Mac\\_"`: true, `name eq "amy's 100% mac\\_"`: false, `name ne "x"`: true,
		`name co "100% M"`: true, `name co "100_ M"`: false, `name co "%"`: true, `name co "x"`: false,
		`name sw "Amy"`: true, `name sw "my"`: false, `name ew "\\_"`: true, `name ew "y"`: false, `name ew "longer than all of it, by far"`: false,
		`name pr`: true, `NAME PR`: true, `level eq "warn"`: true, `level sw "wA"`: true,
		`created gt "` + before + `"`: true, `created gt "` + same + `"`: false, `created ge "` + same + `"`: true, `created lt "` + same + `"`: false,
		`created le "` + same + `"`: true, `created eq "` + same + `"`: true, `created pr`: true,
		`managed eq true`: true, `managed eq false`: false, `managed ne false`: true,
		`tag eq "red"`: true, `tag eq "blue"`: false, `tag ne "blue"`: true, `tag ne "red"`: false, `tag sw "gre"`: true,
		`not (name pr)`: false, `not (name eq "x") and managed eq true`: true,
		`name eq "x" or name pr and managed eq false`:   false, // and binds first
		`name pr or name pr and managed eq false`:       true,
		`(name pr or name pr) and managed eq false`:     false,
		`not (tag eq "blue") AND (level eq "warn")`:     true,
		`name eq "x\"; DROP TABLE r; --"`:               false,
		`((name eq "x") or (not (managed eq false)))`:   true,
		`level eq "\u0057ARN" and serial eq "WARN"`:     true,
		`name eq "x" or name eq "y" or level eq "WARN"`: true,
	} {
		tree, err := scim.Parse(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		where, args, err := scim.Where(tree, attributes(), 1)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		n := -1
		err = db.View(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(t.Context(), `SELECT count(*)`+row+where, args...).Scan(&n)
		})
		if err != nil || (n == 1) != want {
			t.Errorf("%s: %d rows, %v by %s %v", expression, n, err, where, args)
		}
	}
}

func TestRefusals(t *testing.T) {
	for expression, want := range map[string]string{
		``: "want the name", `name`: "after name", `name eq`: "want a value", `name eq x`: "want a value", `name like "x"`: "want one of [eq",
		`name eq "x" name`: "follows", `(name pr`: "want )", `not name pr`: "want ( after not", `name eq "x`: "does not end", `name eq "\q"`: "escape",
		`a[b eq "x"]`: `'['`, `name eq 'x'`: "has no meaning", `name pr and`: "want the name", `) name pr`: "want the name", "name eq \"\xff\"": "no text",
		strings.Repeat("(", 11) + "name pr" + strings.Repeat(")", 11): "deeper than 10",
		strings.Repeat("name pr or ", 50) + "name pr":                 "more than 50",
		`name eq "` + strings.Repeat("x", 2000) + `"`:                 "at most 2000",
		`colour eq "x"`:          `"colour" cannot be asked for here: want one of created, level, managed, name`,
		`serial co "x"`:          "serial does not take co: want one of [eq]",
		`name gt "x"`:            "name does not take gt",
		`created gt "yesterday"`: "RFC 3339",
		`created co "2026"`:      "does not take co",
		`managed eq "true"`:      "without quotes",
		`name eq true`:           "in double quotes",
		`name eq ""`:             "name pr",
		`name eq "\u0000"`:       "1 to 400 bytes",
		`name eq "` + strings.Repeat("x", 401) + `"`:                         "1 to 400 bytes",
		`name pr and (name pr and (name pr and (created gt "` + "x" + `")))`: "RFC 3339",
	} {
		tree, err := scim.Parse(expression)
		var syntax *scim.SyntaxError
		var refusal *scim.RefusedError
		if err == nil {
			_, _, err = scim.Where(tree, attributes(), 1)
		}
		if (!errors.As(err, &syntax) && !errors.As(err, &refusal)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", expression, err, want)
		}
	}
}

// A tree is written as an expression that reads as the same tree.
func TestWrittenAndReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := tree(3).Draw(t, "tree").String()
		got, err := scim.Parse(want)
		if err != nil || got.String() != want {
			t.Fatalf("%s reads as %s, %v", want, got, err)
		}
	})
}

func tree(depth int) *rapid.Generator[scim.Expression] {
	leaf := rapid.Custom(func(t *rapid.T) scim.Expression {
		c := scim.Comparison{Attribute: rapid.StringMatching(`[a-z]{1,5}(\.[a-zA-Z]{1,5})?`).Filter(func(s string) bool { return s != "not" && s != "and" && s != "or" }).Draw(t, "name"),
			Operator: rapid.SampledFrom([]scim.Operator{scim.Equal, scim.Contains, scim.Present, scim.LessOrEqual}).Draw(t, "operator")}
		if c.Operator != scim.Present {
			c.Value, c.Quoted = rapid.StringN(0, 5, 15).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }).Draw(t, "value"), true
		}
		return scim.Expression{Comparison: c}
	})
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) scim.Expression {
		switch rapid.SampledFrom([]string{"leaf", "not", "and", "or"}).Draw(t, "form") {
		case "not":
			return scim.Expression{Not: true, Parts: []scim.Expression{tree(depth-1).Draw(t, "inner")}}
		case "and":
			return scim.Expression{Join: "and", Parts: rapid.SliceOfN(tree(depth-1), 2, 3).Draw(t, "parts")}
		case "or":
			return scim.Expression{Join: "or", Parts: rapid.SliceOfN(tree(depth-1), 2, 3).Draw(t, "parts")}
		}
		return leaf.Draw(t, "leaf")
	})
}

// FuzzFilter: whatever is sent, it is an expression within the bounds whose SQL
// holds none of its words, or an error with a place.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`name eq "x"`, `not (a.b pr) and (c co "\"" or d gt "2026-11-24T09:00:00Z")`, `((((`, `name eq "';--"`, "\x00", `managed eq true`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		tree, err := scim.Parse(expression)
		if err != nil {
			var syntax *scim.SyntaxError
			if !errors.As(err, &syntax) || syntax.At < 0 || syntax.At > max(len(expression), scim.MaxLength) {
				t.Fatalf("%q: %v", expression, err)
			}
			return
		}
		again, err := scim.Parse(tree.String())
		if len(tree.String()) <= scim.MaxLength && (err != nil || again.String() != tree.String()) {
			t.Fatalf("%q is %s, which reads as %s: %v", expression, tree, again, err)
		}
		where, args, err := scim.Where(tree, attributes(), 1)
		var refusal *scim.RefusedError
		if err != nil && !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		// All that SQL may hold is the table's own: no quote but in its own texts.
		own := strings.NewReplacer("'red'", "", "'green'", "", "''", "").Replace(where)
		if err == nil && (strings.ContainsAny(own, `'"\;`+"\x00") || len(args) > scim.MaxTerms) {
			t.Fatalf("%q becomes %s", expression, where)
		}
	})
}
