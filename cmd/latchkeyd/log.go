package main

import (
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger logs to the file, or to standard error where none is named. Levels: error is for what stops a login or
// loses something, warn for what an admin has to mend, info for what changes,
// debug for the rest.
func newLogger(format, level, file string) (*zap.Logger, error) {
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
	if file == "" {
		log, err := config.Build()
		if err != nil {
			return nil, fmt.Errorf("start the log: %w", err)
		}
		return log, nil
	}
	out, err := openLogFile(file)
	if err != nil {
		return nil, fmt.Errorf("start the log: %w", err)
	}
	encoder := zapcore.NewJSONEncoder(config.EncoderConfig)
	if config.Encoding == "console" {
		encoder = zapcore.NewConsoleEncoder(config.EncoderConfig)
	}
	return zap.New(zapcore.NewCore(encoder, out, config.Level), zap.ErrorOutput(zapcore.Lock(os.Stderr))), nil
}
