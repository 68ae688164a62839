package plist

import (
	"bytes"
	"fmt"

	"github.com/groob/plist"
	howett "howett.net/plist"
)

var (
	binaryMagic = []byte("bplist")
	byteOrder   = []byte("\xef\xbb\xbf") // the mark that some editors put before UTF-8
)

// Parse reads an XML or binary property list of at most MaxSize bytes. Every
// error is an *Error.
func Parse(data []byte) (Document, error) { return parse(data, false, MaxSize) }

// ParseUpTo reads what ParseFragment reads, of a size of the caller's choice:
// profiles carry certificates and pictures of other products. All else stays
// bounded.
func ParseUpTo(data []byte, size int) (Document, error) { return parse(data, true, size) }

// ParseFragment reads what Parse reads, and also a bare <dict>, the form that
// some consoles take a payload in.
func ParseFragment(data []byte) (Document, error) { return parse(data, true, MaxSize) }

func parse(data []byte, fragment bool, size int) (Document, error) {
	if len(data) > size {
		return Document{}, problem("the file is %d bytes; at most %d are read", len(data), size)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return Document{}, problem("the file is empty; an XML or a binary property list is expected")
	}
	if bytes.HasPrefix(data, binaryMagic) {
		root, err := surveyBinary(data)
		return finish(Binary, root, err, data, decodeBinary)
	}
	data = bytes.TrimPrefix(data, byteOrder)
	root, err := surveyXML(data, fragment)
	return finish(XML, root, err, data, decodeXML)
}

// finish lets the library read what the survey has found in order, and fills
// the survey's tree with its values.
func finish(f Format, root Value, err error, data []byte, decode func([]byte) (any, error)) (Document, error) {
	if err != nil {
		return Document{}, err
	}
	values, err := fenced(decode, data)
	if err != nil {
		return Document{}, &Error{Problem: "the property list cannot be read", Err: err}
	}
	if err := fill(&root, values); err != nil {
		return Document{}, err
	}
	return Document{Format: f, Root: root}, nil
}

// fenced turns a panic of the library into an error.
func fenced(decode func([]byte) (any, error), data []byte) (values any, err error) {
	defer func() {
		if r := recover(); r != nil {
			values, err = nil, fmt.Errorf("the reader failed: %v", r)
		}
	}()
	return decode(data)
}

// decodeXML decodes into a fresh value: decoding into one with contents merges.
func decodeXML(data []byte) (any, error) {
	var v any
	err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&v)
	return v, err
}

func decodeBinary(data []byte) (any, error) {
	var v any
	_, err := howett.Unmarshal(data, &v)
	return v, err
}

func problem(format string, args ...any) *Error {
	return &Error{Problem: fmt.Sprintf(format, args...)}
}
