package xipc

import (
	"strings"
	"testing"
)

// TestPeerFromToken: a process that was root when it connected and is somebody
// else's now, or the other way round, is nobody.
func TestPeerFromToken(t *testing.T) {
	for _, tt := range []struct {
		name      string
		connected uint32
		token     AuditToken
		want      string // of the error
	}{
		{"root's gate", 0, AuditToken{0, 0, 0, 0, 0, 412, 100000, 977}, ""},
		{"the login window's prompt", 92, AuditToken{92, 92, 92, 92, 92, 511, 100001, 1203}, ""},
		{"dropped its privileges", 0, AuditToken{501, 501, 20, 501, 20, 600, 100002, 1300}, "user 0 has connected, and process 600 is user 501's now"},
		{"became root", 501, AuditToken{501, 0, 20, 501, 20, 600, 100002, 1301}, "user 501 has connected, and process 600 is user 0's now"},
		{"another euid than ruid", 0, AuditToken{501, 0, 0, 501, 20, 601, 100002, 1302}, ""},
		{"no process", 0, AuditToken{}, "names process 0"},
		{"a negative process", 0, AuditToken{5: 1<<32 - 1}, "names process -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer, err := peerFrom(tt.connected, tt.token)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || peer != (Peer{}) {
					t.Errorf("%+v, %v; want %q", peer, err, tt.want)
				}
				return
			}
			want := Peer{UID: tt.connected, PID: int(tt.token[5]), Token: tt.token}
			if err != nil || peer != want || peer.Token.Version() != tt.token[7] {
				t.Errorf("%+v, %v; want %+v", peer, err, want)
			}
		})
	}
}
