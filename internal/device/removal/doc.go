// Package removal takes Latchkey off a Mac. It knows all that the package and the
// daemon have laid down there, and the one order in which it may go: the login
// right is disarmed and read again first, and while that cannot be shown nothing
// else is touched, since a login window that names a plug-in which is gone lets
// nobody in. It must never follow a link, nor remove what is not in its list:
// root removes here.
package removal
