package launch

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Sockets are those of the names that the starter holds for this process, by
// name; none where it was started otherwise. Each of them listens already. The
// caller closes them.
func Sockets(names ...string) (map[string]*net.UnixListener, error) {
	files, err := held(names)
	if err != nil {
		return nil, fmt.Errorf("take over the sockets that this process was started with: %w", err)
	}
	taken := map[string]*net.UnixListener{}
	for name, file := range files {
		l, err := listener(file)
		if err != nil {
			for _, l := range taken {
				err = errors.Join(err, l.Close())
			}
			return nil, fmt.Errorf("take over the socket %q that this process was started with: %w", name, err)
		}
		taken[name] = l
	}
	return taken, nil
}

func listener(file *os.File) (*net.UnixListener, error) {
	defer file.Close() // what net makes of it is a descriptor of its own
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	socket, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("it is a %s socket: wanted is one of a path", l.Addr().Network()), l.Close())
	}
	socket.SetUnlinkOnClose(false) // the path is the starter's
	return socket, nil
}
