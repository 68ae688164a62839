// Command torture kills the daemon and the server with SIGKILL, and lets their
// writes fail, while people sign in, miss, recover, set factors up and Macs
// check in, thousands of times; after each it compares what the product says
// with a slow and obvious model of what must be true.
//
// With --soak it kills nothing and lets days of an office go by instead, and
// looks at what daemon and server hold.
//
// It knows the rules of recovery-pin-v1 and of design §5 by heart, written down
// a second time and in another way than in the product. It must never look into
// the product's store: what counts is what a person at the login window, the
// help desk and the server's log can see.
package main
