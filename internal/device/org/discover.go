package org

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const maxWellKnown = 64 << 10

// discover asks whether the org is a Latchkey server, and if so where its
// device listener is; "" for any other org. Only a failure to get an answer is
// an error: what another server, or a network's sign-in page, says at that
// address means nothing, and directauth then finds out what it is.
func discover(ctx context.Context, client *http.Client, org string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, org+wire.WellKnownPath, nil)
	if err != nil {
		return "", fmt.Errorf("look for the org: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("look for the org: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxWellKnown))
	if err != nil {
		return "", fmt.Errorf("look for the org: %w", err)
	}
	return deviceURL(resp.StatusCode, raw), nil
}

// deviceURL reads an answer at wire.WellKnownPath.
func deviceURL(status int, raw []byte) string {
	var known wire.WellKnown
	if status != http.StatusOK || json.Unmarshal(raw, &known) != nil {
		return ""
	}
	at, err := url.Parse(known.DeviceURL)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil || at.RawQuery != "" {
		return ""
	}
	return strings.TrimRight(known.DeviceURL, "/")
}
