package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// page is what the template draws.
type page struct {
	Title, Version, About string
	Groups                []group
	Schemas               []schema
}

// group is the operations under one part of the paths.
type group struct {
	Name, ID   string
	Operations []operation
}

type operation struct {
	ID, Method, Path, Summary string
	Scopes                    []string
	Open                      bool // needs no token
	Parameters                []field
	Body                      *shape
	Answers                   []answer
}

type answer struct {
	Status, Description string
	Kinds               string
	Shape               *shape
}

// schema is a shape with a name.
type schema struct {
	Name   string
	Shape  shape
	Fields []field
}

type field struct {
	Name, In, About string
	Needed          bool
	Shape           shape
}

// shape is a type in words; Ref is the schema that it leads to.
type shape struct {
	Before, Ref string
}

// node is a value of the description, read by its keys.
type node struct{ *yaml.Node }

// at is the value behind keys; a zero node where there is none.
func (n node) at(keys ...string) node {
	for _, key := range keys {
		found := node{}
		for k, v := range n.pairs() {
			if k == key {
				found = v
			}
		}
		n = found
	}
	return n
}

// pairs are the keys of a mapping with their values, in their order.
func (n node) pairs() func(func(string, node) bool) {
	return func(yield func(string, node) bool) {
		if n.Node == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, node{n.Content[i+1]}) {
				return
			}
		}
	}
}

func (n node) items() (out []node) {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, c := range n.Content {
		out = append(out, node{c})
	}
	return out
}

func (n node) text() string {
	if n.Node == nil {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (n node) words() (out []string) {
	for _, i := range n.items() {
		out = append(out, i.text())
	}
	return out
}

// reader takes a description apart.
type reader struct{ root node }

// read is the page of a description.
func read(description []byte) (page, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(description, &document); err != nil {
		return page{}, fmt.Errorf("read the description of the API: %w", err)
	}
	if len(document.Content) == 0 {
		return page{}, errors.New("read the description of the API: it is empty")
	}
	r := reader{node{document.Content[0]}}
	info := r.root.at("info")
	p := page{Title: info.at("title").text(), Version: info.at("version").text(), About: info.at("description").text()}
	for path, item := range r.root.at("paths").pairs() {
		name := groupOf(path)
		i := slices.IndexFunc(p.Groups, func(g group) bool { return g.Name == name })
		if i < 0 {
			i = len(p.Groups)
			p.Groups = append(p.Groups, group{Name: name, ID: "group-" + strings.ReplaceAll(name, " ", "-")})
		}
		p.Groups[i].Operations = append(p.Groups[i].Operations, r.operations(path, item)...)
	}
	for name, s := range r.root.at("components", "schemas").pairs() {
		p.Schemas = append(p.Schemas, schema{Name: name, Shape: r.shape(s), Fields: r.fields(s)})
	}
	slices.SortFunc(p.Schemas, func(a, b schema) int { return strings.Compare(a.Name, b.Name) })
	return p, nil
}

// groupOf is what a path is about: its first part that is no version.
func groupOf(path string) string {
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", "api", "v1", "latchkey", "device-access":
		case "docs", "openapi.yaml":
			return "this description"
		default:
			return strings.NewReplacer("-", " ", "mfa", "MFA", "scep", "SCEP").Replace(part)
		}
	}
	return "other"
}

func (r reader) operations(path string, item node) (out []operation) {
	shared := item.at("parameters").items()
	for method, op := range item.pairs() {
		if method == "parameters" {
			continue
		}
		o := operation{ID: op.at("operationId").text(), Method: strings.ToUpper(method), Path: path, Summary: op.at("summary").text(), Scopes: op.at("x-latchkey-scopes").words()}
		security := op.at("security")
		o.Open = security.Node != nil && len(security.items()) == 0
		for _, p := range append(slices.Clone(shared), op.at("parameters").items()...) {
			p = r.resolve(p)
			o.Parameters = append(o.Parameters, field{Name: p.at("name").text(), In: p.at("in").text(), About: r.about(p), Needed: p.at("required").text() == "true", Shape: r.shape(p.at("schema"))})
		}
		if body := op.at("requestBody", "content", "application/json", "schema"); body.Node != nil {
			s := r.shape(body)
			o.Body = &s
		}
		for status, a := range op.at("responses").pairs() {
			o.Answers = append(o.Answers, r.answer(status, r.resolve(a)))
		}
		out = append(out, o)
	}
	return out
}

func (r reader) answer(status string, a node) answer {
	out := answer{Status: status, Description: a.at("description").text()}
	if status == "default" {
		out.Status = "else"
	}
	var kinds []string
	for kind, content := range a.at("content").pairs() {
		kinds = append(kinds, kind)
		if kind == "application/json" {
			s := r.shape(content.at("schema"))
			out.Shape = &s
		}
	}
	out.Kinds = strings.Join(kinds, ", ")
	return out
}

// resolve follows a reference within the description.
func (r reader) resolve(n node) node {
	if ref := n.at("$ref").text(); ref != "" {
		return r.root.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return n
}

// about is what is said of a thing, with an example of it.
func (r reader) about(n node) string {
	about := n.at("description").text()
	if example := n.at("example").text(); example != "" {
		about = strings.TrimPrefix(about+". Example: "+example, ". ")
	}
	return about
}

func (r reader) fields(s node) (out []field) {
	needed := s.at("required").words()
	for name, p := range s.at("properties").pairs() {
		out = append(out, field{Name: name, About: r.about(p), Needed: slices.Contains(needed, name), Shape: r.shape(p)})
		// What has no name of its own is shown where it stands.
		inner := p
		if items := p.at("items"); items.Node != nil {
			inner = items
		}
		for _, f := range r.fields(inner) {
			f.Name = name + "." + f.Name
			out = append(out, f)
		}
	}
	return out
}

// shape is a type in words.
func (r reader) shape(s node) shape {
	if ref := s.at("$ref").text(); ref != "" {
		return shape{Ref: ref[strings.LastIndex(ref, "/")+1:]}
	}
	if items := s.at("items"); items.Node != nil {
		inner := r.shape(items)
		inner.Before = "list of " + inner.Before
		return inner
	}
	words := []string{s.at("type").text()}
	if format := s.at("format").text(); format != "" {
		words = []string{format}
	}
	if of := s.at("enum").words(); len(of) > 0 {
		words = append(words, "one of "+strings.Join(of, ", "))
	}
	for _, bound := range []struct{ key, say string }{{"minimum", "from"}, {"maximum", "to"}, {"maxLength", "characters at most"}, {"default", "usually"}} {
		if v := s.at(bound.key).text(); v != "" {
			words = append(words, bound.say+" "+v)
		}
	}
	if s.at("nullable").text() == "true" {
		words = append(words, "or null")
	}
	if more := s.at("additionalProperties", "$ref").text(); more != "" {
		return shape{Before: "object of ", Ref: more[strings.LastIndex(more, "/")+1:]}
	}
	return shape{Before: strings.Join(words, ", ")}
}
