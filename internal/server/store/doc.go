// Package store is the server's database: the connection, its transactions and
// its schema.
//
// It knows how SQLite and PostgreSQL must be opened so that what was committed
// survives a power cut, that one server writes at a time, which migrations a
// database has had, and how a file is backed up. It holds no query of any other
// part: each domain package keeps its own tables' SQL, in words that both
// databases take, and runs it in a transaction from here. It must never put the
// password of a URL into an error, or go on with a database that a newer server wrote.
package store
