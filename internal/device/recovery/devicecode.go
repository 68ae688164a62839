package recovery

import (
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// DeviceCode is the code to show on Contact admin: the outstanding one, or a
// new one when one may be made. With none, wait is how long until then.
func (v *Recovery) DeviceCode(guid string) (code recoverypin.DeviceCode, left, wait time.Duration, err error) {
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil {
		return code, 0, 0, err
	}
	now := v.time.Now()
	if code = rec.outstanding(now); !code.IsZero() {
		ago, _ := now.Since(rec.Code.From)
		return code, codeLife - ago, 0, nil
	}
	if wait := now.Left(rec.CodePause); wait > 0 {
		return code, 0, wait, nil
	}
	if code, err = recoverypin.NewDeviceCode(v.random); err != nil {
		return recoverypin.DeviceCode{}, 0, 0, err
	}
	rec.Code = &deviceCode{Digits: code.Digits(), From: now.Moment()}
	rec.CodePause = now.Begin(codePause) // a new one at most once a minute
	if err := v.save(guid, rec, map[string][]byte{}); err != nil {
		return recoverypin.DeviceCode{}, 0, 0, err
	}
	return code, codeLife, 0, nil
}
