package adminapi

import (
	"database/sql"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// settingsBody is all of the org's settings. What is missing in a PUT stays.
type settingsBody struct {
	Recovery         *bool `json:"recovery,omitempty"`
	EndWindowOnEnrol *bool `json:"endWindowOnEnrol,omitempty"`
	NumberMatching   *bool `json:"numberMatching,omitempty"`
}

type recoverySetting struct {
	Enabled *bool `json:"desktopMFARecoveryPinEnabled"`
}

type matchingSetting struct {
	Enabled *bool `json:"desktopMFAEnforceNumberMatchingChallengeEnabled"`
}

func (s *Server) settings(c call) (out wire.Settings, err error) {
	err = s.view(c, access.OrgRead, func(tx *sql.Tx) error {
		out, err = directory.Settings(c.ctx, tx)
		return err
	})
	return out, err
}

func (s *Server) getSettings(c call) (answer, error) {
	v, err := s.settings(c)
	return ok(settingsBody{Recovery: &v.Recovery, EndWindowOnEnrol: &v.EndWindowOnEnrol, NumberMatching: &v.NumberMatching}), err
}

func (s *Server) putSettings(c call) (answer, error) {
	var in settingsBody
	v, err := s.change(c, &in, func(v *wire.Settings) error {
		set(in.Recovery, &v.Recovery)
		set(in.EndWindowOnEnrol, &v.EndWindowOnEnrol)
		set(in.NumberMatching, &v.NumberMatching)
		return nil
	})
	return ok(settingsBody{Recovery: &v.Recovery, EndWindowOnEnrol: &v.EndWindowOnEnrol, NumberMatching: &v.NumberMatching}), err
}

func set(from *bool, into *bool) {
	if from != nil {
		*into = *from
	}
}

func (s *Server) getRecoverySetting(c call) (answer, error) {
	v, err := s.settings(c)
	return ok(recoverySetting{Enabled: &v.Recovery}), err
}

func (s *Server) putRecoverySetting(c call) (answer, error) {
	var in recoverySetting
	v, err := s.change(c, &in, func(v *wire.Settings) error {
		return replace("desktopMFARecoveryPinEnabled", in.Enabled, &v.Recovery)
	})
	return ok(recoverySetting{Enabled: &v.Recovery}), err
}

func (s *Server) getMatchingSetting(c call) (answer, error) {
	v, err := s.settings(c)
	return ok(matchingSetting{Enabled: &v.NumberMatching}), err
}

func (s *Server) putMatchingSetting(c call) (answer, error) {
	var in matchingSetting
	v, err := s.change(c, &in, func(v *wire.Settings) error {
		return replace("desktopMFAEnforceNumberMatchingChallengeEnabled", in.Enabled, &v.NumberMatching)
	})
	return ok(matchingSetting{Enabled: &v.NumberMatching}), err
}

func replace(name string, from, into *bool) error {
	if from == nil {
		return invalid(name + ": missing, want true or false")
	}
	*into = *from
	return nil
}

// change reads the body into in and stores what edit makes of the settings.
func (s *Server) change(c call, in any, edit func(*wire.Settings) error) (v wire.Settings, err error) {
	err = s.update(c, access.OrgManage, func(tx *sql.Tx) error {
		if err := decode(c.Body, in); err != nil {
			return err
		}
		before, err := directory.Settings(c.ctx, tx)
		if err != nil {
			return err
		}
		v = before
		if err := edit(&v); err != nil {
			return err
		}
		if before.Recovery && !v.Recovery {
			// What may no longer be used is not kept: the Macs erase theirs too.
			if err := s.Book.Erase(c.ctx, tx); err != nil {
				return err
			}
		}
		if err := directory.SaveSettings(c.ctx, tx, v); err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: systemlog.ConfigurationUpdate, Message: "Desktop MFA configuration updated by an admin", Detail: changeDetails(before, v)})
	})
	return v, err
}

func changeDetails(from, to wire.Settings) map[string]string {
	detail := map[string]string{}
	add := func(name string, a, b bool) {
		if a != b {
			detail[name] = strconv.FormatBool(a) + " -> " + strconv.FormatBool(b)
		}
	}
	add("recovery", from.Recovery, to.Recovery)
	add("endWindowOnEnrol", from.EndWindowOnEnrol, to.EndWindowOnEnrol)
	add("numberMatching", from.NumberMatching, to.NumberMatching)
	return detail
}
