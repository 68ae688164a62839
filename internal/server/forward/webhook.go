package forward

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// SignatureHeader is of a delivery: "t=" and the Unix time in seconds, a comma,
// "v1=" and the HMAC-SHA256, in hex, of that number, a full stop and the body.
const SignatureHeader = "Latchkey-Signature"

// Webhook posts events as JSON, {"events":[…]}, each as in the API's list. Any
// answer of 200 to 299 is a receipt; after all else the same comes again.
type Webhook struct {
	URL    string // as it is shown and kept: without user or query
	Target string // that is posted to
	Secret []byte // that deliveries are signed with
	HTTP   *http.Client
	Now    func() time.Time
}

// Name implements Destination.
func (w *Webhook) Name() string { return w.URL }

// Send implements Destination.
func (w *Webhook) Send(ctx context.Context, events []systemlog.Event) error {
	body := struct {
		Events []systemlog.Entry `json:"events"`
	}{}
	for _, e := range events {
		body.Events = append(body.Events, e.Entry())
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Target, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("post to %s: its address is none", w.URL) // the error would show the query
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "latchkey-server")
	request.Header.Set(SignatureHeader, Sign(w.Secret, w.Now(), raw))
	answer, err := w.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("post: %w", bare(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection is used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("post: the answer is %s", answer.Status)
	}
	return nil
}

// Sign is the signature of a body at a time, as SignatureHeader has it.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
