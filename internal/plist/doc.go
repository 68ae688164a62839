// Package plist is the fence around property lists: it reads XML and binary
// ones into a tree whose values know where they stand in the file.
//
// It knows the two formats, their bounds and how to say where a malformed file
// begins to be wrong. Two libraries read the values, and neither sees an input
// before this package's own strict pass has walked the whole of it: one of them
// dies on hostile binary input, both take dictionaries with a key and no value,
// duplicate keys and rubbish after the end. What the pass and the library make
// of an input must agree. It must never print a value, because it cannot know
// which one is a secret, and must never decode into a type of its caller: what
// a value means is for the caller's own table.
package plist
