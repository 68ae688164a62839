package scim

import (
	"fmt"
	"slices"
	"strings"
)

// Operator compares an attribute with a value.
type Operator string

// The operators of RFC 7644, table 3.
const (
	Equal          Operator = "eq"
	NotEqual       Operator = "ne"
	Contains       Operator = "co"
	StartsWith     Operator = "sw"
	EndsWith       Operator = "ew"
	Present        Operator = "pr"
	Greater        Operator = "gt"
	GreaterOrEqual Operator = "ge"
	Less           Operator = "lt"
	LessOrEqual    Operator = "le"
)

func operators() []Operator {
	return []Operator{Equal, NotEqual, Contains, StartsWith, EndsWith, Present, Greater, GreaterOrEqual, Less, LessOrEqual}
}

// Expression is a filter as a tree. Exactly one of its forms is filled: a
// comparison, or Join with two or more parts, or Not with one.
type Expression struct {
	Comparison
	Join  string // "and" or "or"
	Not   bool
	Parts []Expression
}

// Comparison is attribute, operator and value.
type Comparison struct {
	Attribute string // as it was written
	Operator  Operator
	Value     string // none with Present
	Quoted    bool   // the value stood in quotes; else it is true or false
}

// parser walks over the tokens.
type parser struct {
	tokens []token
	terms  int
}

// Parse reads an expression, within the bounds of this package. The error is a
// *SyntaxError.
func Parse(expression string) (Expression, error) {
	tokens, err := lex(expression)
	if err != nil {
		return Expression{}, err
	}
	p := &parser{tokens: tokens}
	e, err := p.either(0)
	if err != nil {
		return Expression{}, err
	}
	if next := p.tokens[0]; next.kind != tokenEnd {
		return Expression{}, &SyntaxError{next.at, fmt.Sprintf("%q follows a whole expression: want and, or, or the end", next.text)}
	}
	return e, nil
}

// either: and binds stronger than or.
func (p *parser) either(depth int) (Expression, error) {
	return p.joined("or", func() (Expression, error) {
		return p.joined("and", func() (Expression, error) { return p.one(depth) })
	})
}

func (p *parser) joined(word string, part func() (Expression, error)) (Expression, error) {
	var parts []Expression
	for {
		e, err := part()
		if err != nil {
			return Expression{}, err
		}
		parts = append(parts, e)
		if !p.take(word) {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return Expression{Join: word, Parts: parts}, nil
}

// take goes past a word, in any case, if it comes next.
func (p *parser) take(word string) bool {
	if t := p.tokens[0]; t.kind != tokenWord || !strings.EqualFold(t.text, word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// one is a comparison, or an expression in parentheses with or without not.
func (p *parser) one(depth int) (Expression, error) {
	t := p.tokens[0]
	if depth >= MaxDepth {
		return Expression{}, &SyntaxError{t.at, fmt.Sprintf("parentheses are nested deeper than %d", MaxDepth)}
	}
	not := p.take("not")
	if p.tokens[0].kind != tokenOpen {
		if not {
			return Expression{}, &SyntaxError{p.tokens[0].at, "want ( after not"}
		}
		return p.comparison()
	}
	p.tokens = p.tokens[1:]
	e, err := p.either(depth + 1)
	if err != nil {
		return Expression{}, err
	}
	if end := p.tokens[0]; end.kind != tokenClose {
		return Expression{}, &SyntaxError{end.at, "want ) here"}
	}
	p.tokens = p.tokens[1:]
	if not {
		return Expression{Not: true, Parts: []Expression{e}}, nil
	}
	return e, nil
}

func (p *parser) comparison() (e Expression, err error) {
	name := p.tokens[0]
	if name.kind != tokenWord {
		return e, &SyntaxError{name.at, "want the name of an attribute"}
	}
	if p.terms++; p.terms > MaxTerms {
		return e, &SyntaxError{name.at, fmt.Sprintf("there are more than %d comparisons", MaxTerms)}
	}
	op := p.tokens[1] // there is one: name is not the end
	e.Attribute, e.Operator = name.text, Operator(strings.ToLower(op.text))
	if op.kind != tokenWord || !slices.Contains(operators(), e.Operator) {
		return e, &SyntaxError{op.at, fmt.Sprintf("want one of %v after %s", operators(), name.text)}
	}
	p.tokens = p.tokens[2:]
	if e.Operator == Present {
		return e, nil
	}
	value := p.tokens[0]
	e.Value, e.Quoted = value.text, value.kind == tokenText
	if flag := value.kind == tokenWord && (value.text == "true" || value.text == "false"); !flag && !e.Quoted {
		return e, &SyntaxError{value.at, fmt.Sprintf("want a value in double quotes, true or false after %s %s", name.text, op.text)}
	}
	p.tokens = p.tokens[1:]
	return e, nil
}

// String is the expression again, with all its parentheses.
func (e Expression) String() string {
	switch {
	case e.Not:
		return "not (" + e.Parts[0].String() + ")"
	case e.Join != "":
		parts := make([]string, 0, len(e.Parts))
		for _, p := range e.Parts {
			text := p.String()
			if p.Join != "" {
				text = "(" + text + ")"
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, " "+e.Join+" ")
	case e.Operator == Present:
		return e.Attribute + " pr"
	case !e.Quoted:
		return e.Attribute + " " + string(e.Operator) + " " + e.Value
	}
	return e.Attribute + " " + string(e.Operator) + " " + quote(e.Value)
}
