// Package store is the server's database: the connection, its transactions and
// its schema.
//
// It knows how SQLite must be opened so that what was committed survives a
// power cut, and which migrations a database has had. It holds no query of any
// other part: each domain package keeps its own tables' SQL, with $1
// placeholders that PostgreSQL takes as well, and runs it in a transaction from
// here.
package store
