// Package reference shows a description of an API (OpenAPI 3.0, as YAML) as one
// page to read: its operations with their scopes, parameters, bodies and
// answers, and the shapes that these have.
//
// It reads the program's own description, made with it, and draws it on the
// server: no script runs, and nothing is fetched from elsewhere. It must never
// show what is not in the description.
package reference
