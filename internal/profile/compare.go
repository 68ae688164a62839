package profile

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Change is what is another in the second of two profiles; Before or After is
// empty for what is said in one of them alone.
type Change struct {
	What   string `json:"what"` // a topic, or a key
	Before string `json:"before"`
	After  string `json:"after"`
}

// Comparison is what changes when one profile takes the place of another.
type Comparison struct {
	Users    []Change `json:"users"`
	Settings []Change `json:"settings"`
}

// Compare says what changes for people, and key by key. Dates are those of
// both profiles at the same moment.
func Compare(a, b *policy.Policy, now time.Time) Comparison {
	before, after := Explain(a, now), Explain(b, now)
	c := Comparison{Users: []Change{}, Settings: []Change{}}
	said, topics := map[string][2]string{}, []string{}
	for i, list := range [][]Sentence{before.Sentences, after.Sentences} {
		for _, s := range list {
			pair, there := said[s.Topic]
			if !there {
				topics = append(topics, s.Topic)
			}
			pair[i] = s.Text
			said[s.Topic] = pair
		}
	}
	for _, t := range topics {
		if pair := said[t]; pair[0] != pair[1] {
			c.Users = append(c.Users, Change{t, pair[0], pair[1]})
		}
	}
	for i, r := range before.Settings {
		other := after.Settings[i]
		x, y := r.Value+" ("+r.Origin+")", other.Value+" ("+other.Origin+")"
		if r.Key == "DMFAClientSecret" && a.ClientSecret.V != b.ClientSecret.V {
			y = "another [hidden]"
		}
		if x != y {
			c.Settings = append(c.Settings, Change{r.Key, x, y})
		}
	}
	return c
}

// WriteTo writes what changes for people, and below it the keys.
func (c Comparison) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	if len(c.Users) == 0 {
		b.WriteString("Nothing changes for users.\n")
	}
	for _, u := range c.Users {
		for _, part := range []struct{ mark, text string }{{"-", u.Before}, {"+", u.After}} {
			if part.text != "" {
				fmt.Fprintf(&b, "%s %s\n", part.mark, part.text)
			}
		}
	}
	if len(c.Settings) > 0 {
		b.WriteString("\n")
	}
	for _, s := range c.Settings {
		fmt.Fprintf(&b, "%s: %s -> %s\n", s.What, s.Before, s.After)
	}
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}
