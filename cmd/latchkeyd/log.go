package main

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger logs to standard error. Levels: error is for what stops a login or
// loses something, warn for what an admin has to mend, info for what changes,
// debug for the rest.
func newLogger(format, level string) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", level)
	}
	config := zap.NewProductionConfig()
	config.Level = zap.NewAtomicLevelAt(at)
	config.DisableStacktrace, config.DisableCaller, config.Sampling = true, true, nil
	config.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	switch format {
	case "json":
	case "console":
		config.Encoding = "console"
		config.EncoderConfig.EncodeLevel = zapcore.CapitalLevelEncoder
	default:
		return nil, fmt.Errorf("--log-format %q: want json or console", format)
	}
	log, err := config.Build()
	if err != nil {
		return nil, fmt.Errorf("start the log: %w", err)
	}
	return log, nil
}
