// Package linking is which user of the org each account of this Mac belongs
// to, and who may become it (design §5, "Linking").
//
// It knows the links, by GeneratedUID, and what an administrator has said ahead
// of them. It must never take a person's word for who they are in the org: a
// link is made of what the org has verified, and one org user is never linked
// to two accounts of this Mac.
package linking
