package adminapi

import (
	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
)

// settingsBody is all of the org's settings. What is missing in a PUT stays.
type settingsBody struct {
	Recovery         *bool `json:"recovery,omitempty"`
	EndWindowOnEnrol *bool `json:"endWindowOnEnrol,omitempty"`
	NumberMatching   *bool `json:"numberMatching,omitempty"`
	KeyVerification  *bool `json:"keyUserVerification,omitempty"`
	WebPush          *bool `json:"webPush,omitempty"`
}

type recoverySetting struct {
	Enabled *bool `json:"desktopMFARecoveryPinEnabled"`
}

type matchingSetting struct {
	Enabled *bool `json:"desktopMFAEnforceNumberMatchingChallengeEnabled"`
}

func all(v desk.Settings) settingsBody {
	return settingsBody{Recovery: &v.Recovery, EndWindowOnEnrol: &v.EndWindowOnEnrol, NumberMatching: &v.NumberMatching, KeyVerification: &v.KeyVerification, WebPush: &v.WebPush}
}

func (s *Server) getSettings(c call) (answer, error) {
	v, err := s.Desk.Settings(c.ctx)
	return ok(all(v)), err
}

func (s *Server) putSettings(c call) (answer, error) {
	var in settingsBody
	if err := c.body(access.SettingsManage, &in); err != nil {
		return answer{}, err
	}
	v, err := s.Desk.SaveSettings(c.ctx, func(v *desk.Settings) {
		set(in.Recovery, &v.Recovery)
		set(in.EndWindowOnEnrol, &v.EndWindowOnEnrol)
		set(in.NumberMatching, &v.NumberMatching)
		set(in.KeyVerification, &v.KeyVerification)
		set(in.WebPush, &v.WebPush)
	})
	return ok(all(v)), err
}

func set(from *bool, into *bool) {
	if from != nil {
		*into = *from
	}
}

func (s *Server) getRecoverySetting(c call) (answer, error) {
	v, err := s.Desk.Settings(c.ctx)
	return ok(recoverySetting{Enabled: &v.Recovery}), err
}

func (s *Server) putRecoverySetting(c call) (answer, error) {
	var in recoverySetting
	if err := c.body(access.SettingsManage, &in); err != nil {
		return answer{}, err
	}
	if in.Enabled == nil {
		return answer{}, missing("desktopMFARecoveryPinEnabled")
	}
	v, err := s.Desk.SaveSettings(c.ctx, func(v *desk.Settings) { v.Recovery = *in.Enabled })
	return ok(recoverySetting{Enabled: &v.Recovery}), err
}

func (s *Server) getMatchingSetting(c call) (answer, error) {
	v, err := s.Desk.Settings(c.ctx)
	return ok(matchingSetting{Enabled: &v.NumberMatching}), err
}

func (s *Server) putMatchingSetting(c call) (answer, error) {
	var in matchingSetting
	if err := c.body(access.SettingsManage, &in); err != nil {
		return answer{}, err
	}
	if in.Enabled == nil {
		return answer{}, missing("desktopMFAEnforceNumberMatchingChallengeEnabled")
	}
	v, err := s.Desk.SaveSettings(c.ctx, func(v *desk.Settings) { v.NumberMatching = *in.Enabled })
	return ok(matchingSetting{Enabled: &v.NumberMatching}), err
}

func missing(name string) error { return invalid(name + ": missing, want true or false") }
