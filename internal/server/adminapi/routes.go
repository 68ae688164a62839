package adminapi

// routes are all endpoints behind a token. Each stands in openapi.yaml, which a
// test holds.
func (s *Server) routes() map[string]handler {
	const (
		device  = "/api/v1/devices/{deviceId}"
		account = device + "/os-accounts/{osAccountId}"
		dmfa    = "/device-access/api/v1/desktop-mfa/"
		own     = "/api/v1/latchkey/"
	)
	return map[string]handler{
		"GET /api/v1/devices":                             s.listDevices,
		"POST /api/v1/devices/confirm":                    s.confirmDevices,
		"GET " + device:                                   s.getDevice,
		"DELETE " + device:                                s.deleteDevice,
		"POST " + device + "/lifecycle/{operation}":       s.changeDevice,
		"GET " + device + "/disarm":                       s.getDisarm,
		"POST " + device + "/disarm":                      s.disarm,
		"DELETE " + device + "/disarm":                    s.endDisarm,
		"GET " + device + "/users":                        s.deviceUsers,
		"GET " + device + "/os-accounts":                  s.listAccounts,
		"GET " + account:                                  s.getAccount,
		"PUT " + account + "/prelink":                     s.setPrelink,
		"POST " + account + "/reset-factors":              s.resetAccountFactors,
		"POST " + account + "/recovery-pins":              s.issuePIN,
		"GET " + account + "/recovery-pins":               s.listPINs,
		"POST " + account + "/recovery-pins/{pinId}/void": s.voidPIN,

		"GET /api/v1/users":                                                s.listUsers,
		"POST /api/v1/users":                                               s.createUser,
		"GET /api/v1/users/{userId}":                                       s.getUser,
		"GET /api/v1/users/{userId}/devices":                               s.userDevices,
		"POST /api/v1/users/{userId}/lifecycle/reset_factors":              s.resetFactors,
		"POST /api/v1/users/{userId}/lifecycle/{operation}":                s.changeUser,
		"GET /api/v1/users/{userId}/factors":                               s.listFactors,
		"DELETE /api/v1/users/{userId}/factors/{factorId}":                 s.deleteFactor,
		"POST " + own + "users/{userId}/unblock-pushes":                    s.unblockPushes,
		"GET " + own + "users/{userId}/invitations":                        s.listInvitations,
		"POST " + own + "users/{userId}/invitations":                       s.createInvitation,
		"POST " + own + "users/{userId}/invitations/{invitationId}/revoke": s.revokeInvitation,
		"GET /api/v1/logs":                                                 s.listLogs,
		"GET " + own + "logs/verification":                                 s.verifyLogs,
		"GET " + own + "logs/export":                                       s.exportLogs,
		"GET " + own + "administrators":                                    s.listAdmins,
		"POST " + own + "administrators":                                   s.createAdmin,
		"GET " + own + "administrators/{adminId}":                          s.getAdmin,
		"DELETE " + own + "administrators/{adminId}":                       s.deleteAdmin,
		"POST " + own + "administrators/{adminId}/lifecycle/{operation}":   s.changeAdmin,
		"PUT " + own + "administrators/{adminId}/role":                     s.setAdminRole,
		"PUT " + own + "administrators/{adminId}/groups":                   s.setAdminGroups,
		"GET " + own + "roles":                                             s.listRoles,
		"POST " + own + "roles":                                            s.createRole,
		"PUT " + own + "roles/{roleKey}":                                   s.changeRole,
		"DELETE " + own + "roles/{roleKey}":                                s.deleteRole,
		"GET " + own + "groups":                                            s.listGroups,
		"POST " + own + "groups":                                           s.createGroup,
		"DELETE " + own + "groups/{groupId}":                               s.deleteGroup,
		"GET " + own + "groups/{groupId}/members":                          s.listMembers,
		"PUT " + own + "groups/{groupId}/members/{login}":                  s.putMember,
		"DELETE " + own + "groups/{groupId}/members/{login}":               s.deleteMember,
		"GET " + own + "tokens":                                            s.listTokens,
		"POST " + own + "tokens":                                           s.createToken,
		"POST " + own + "tokens/{tokenId}/revoke":                          s.revokeToken,
		"GET " + own + "settings":                                          s.getSettings,
		"PUT " + own + "settings":                                          s.putSettings,
		"GET " + dmfa + "recovery-pin-settings":                            s.getRecoverySetting,
		"PUT " + dmfa + "recovery-pin-settings":                            s.putRecoverySetting,
		"GET " + dmfa + "enforce-number-matching-challenge-settings":       s.getMatchingSetting,
		"PUT " + dmfa + "enforce-number-matching-challenge-settings":       s.putMatchingSetting,
		"GET " + own + "scep-challenges":                                   s.listChallenges,
		"POST " + own + "scep-challenges":                                  s.createChallenge,
		"POST " + own + "scep-challenges/{challengeId}/revoke":             s.revokeChallenge,
	}
}
