package latchkey

import (
	"fmt"
	"go/build/constraint"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// misplaced finds what is of one system and does not say so in its file's name,
// and files of the Mac that no other system has a twin of: there the package
// would not build, and nothing of it would be tested.
func misplaced(all []source) (broken []string) {
	mac, twin := map[string]string{}, map[string]bool{}
	for _, s := range all {
		if s.test() {
			continue
		}
		dir, name := path.Dir(s.path), strings.TrimSuffix(path.Base(s.path), ".go")
		switch suffix := name[strings.LastIndex(name, "_")+1:]; suffix {
		case "darwin":
			mac[dir] = s.path
		case "linux", "stub":
			twin[dir] = true
		default:
			for _, group := range s.ast.Comments {
				for _, c := range group.List {
					if x, err := constraint.Parse(c.Text); err == nil && ofSystem(x) {
						broken = append(broken, s.at(c)+": the file is of one system: name it _darwin.go, _linux.go or _stub.go")
					}
				}
			}
		}
	}
	for dir, file := range mac {
		if !twin[dir] {
			broken = append(broken, fmt.Sprintf("%s:1: has no twin for other systems: write %s/…_linux.go or …_stub.go", file, dir))
		}
	}
	return broken
}

func ofSystem(x constraint.Expr) bool {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return x.Tag == "darwin" || x.Tag == "linux"
	case *constraint.NotExpr:
		return ofSystem(x.X)
	case *constraint.AndExpr:
		return ofSystem(x.X) || ofSystem(x.Y)
	case *constraint.OrExpr: // what is built for something else as well is not of one system
		return ofSystem(x.X) && ofSystem(x.Y)
	}
	return false
}

// TestSystemsHaveTwins: all that only the Mac has can be seen by a file's name,
// and the rest is tested on any machine (design §3).
func TestSystemsHaveTwins(t *testing.T) {
	for _, finding := range misplaced(sources(t, osRoot())) {
		t.Error(finding)
	}
	for name, file := range map[string]string{"a/a.go": "//go:build !darwin\n\npackage a\n", "a/a_darwin.go": "package a\n"} {
		broken := misplaced(sources(t, fstest.MapFS{name: {Data: []byte(file)}}))
		if len(broken) != 1 || !strings.HasPrefix(broken[0], name+":1: ") {
			t.Errorf("%s: %q", name, broken)
		}
	}
}
