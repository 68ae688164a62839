// Package schema is the key table in the words of other programs: a
// ProfileManifests manifest for profile editors, a schema for Jamf Pro's
// Application & Custom Settings, and a JSON Schema for text editors.
//
// It knows how each format says kind, unit, range, default and choice, and takes
// the keys themselves from internal/policy alone. It must never name a key, so
// that a schema cannot say what the table does not, and never hold a value of
// anybody's. What a schema cannot say, such as a length in bytes, it leaves to
// the reader: a document that a schema takes can still be one that
// policy.FromDocument refuses.
package schema
