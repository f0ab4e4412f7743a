package service_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/service"
)

// environment looks variables up in a map.
func environment(variables map[string]string) *service.Environment {
	return service.NewEnvironment(func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	})
}

func TestReadSettings(t *testing.T) {
	t.Parallel()
	defaults := service.Settings{
		Port: 8080, AppHost: "127.0.0.1", AppPort: 3100, Sidecar: "127.0.0.1:50001",
		CallTimeout: 5 * time.Second, Drain: 10 * time.Second, Attempts: 10, LogLevel: slog.LevelInfo,
	}
	for name, test := range map[string]struct {
		variables map[string]string
		want      service.Settings
	}{
		"defaults":           {want: defaults},
		"empty is not given": {variables: map[string]string{"PORT": "", "APP_HOST": "", "APP_API_TOKEN": "", "DRAIN": ""}, want: defaults},
		"everything": {
			variables: map[string]string{
				"PORT": "1", "APP_HOST": "0.0.0.0", "APP_PORT": "65535", "APP_API_TOKEN": "a", "DAPR_API_TOKEN": "d",
				"DAPR_GRPC_PORT": "2", "CALL_TIMEOUT": "1ms", "DRAIN": "1h", "ATTEMPTS": "1000", "LOG_LEVEL": "debug",
			},
			want: service.Settings{
				Port: 1, AppHost: "0.0.0.0", AppPort: 65535, AppToken: "a", SidecarToken: "d", Sidecar: "127.0.0.1:2",
				CallTimeout: time.Millisecond, Drain: time.Hour, Attempts: 1000, LogLevel: slog.LevelDebug,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := environment(test.variables)
			got := service.ReadSettings(e, 8080)
			if err := e.Err(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsErrors(t *testing.T) {
	t.Parallel()
	for name, variables := range map[string]map[string]string{
		"PORT":           {"PORT": "http"},
		"APP_PORT":       {"APP_PORT": "0"},
		"DAPR_GRPC_PORT": {"DAPR_GRPC_PORT": "65536"},
		"ATTEMPTS":       {"ATTEMPTS": "-1"},
		"CALL_TIMEOUT":   {"CALL_TIMEOUT": "5"},
		"DRAIN":          {"DRAIN": "-1s"},
		"LOG_LEVEL":      {"LOG_LEVEL": "loud"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := environment(variables)
			service.ReadSettings(e, 8080)
			if err := e.Err(); err == nil || !strings.Contains(err.Error(), name+`="`+variables[name]+`"`) {
				t.Errorf("got %v, want an error about %s", err, name)
			}
		})
	}
}

// TestEveryErrorAtOnce: who starts a service wrongly learns all that is wrong.
func TestEveryErrorAtOnce(t *testing.T) {
	t.Parallel()
	e := environment(map[string]string{"PORT": "x", "DRAIN": "y"})
	service.ReadSettings(e, 8080)
	e.Reject("RULE", "(", errors.New("missing bracket"))
	err := e.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`PORT="x"`, `DRAIN="y"`, `RULE="(": missing bracket`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %s", err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	e := environment(map[string]string{"APP_API_TOKEN": "hidden", "PORT": "1"})
	service.ReadSettings(e, 8080)
	var usage bytes.Buffer
	e.Usage(&usage, "A service.")
	for _, want := range []string{
		"A service.\n", "PORT                 port for clients", "(default 8080)\n", "APP_API_TOKEN", "(default none)\n",
		"DAPR_GRPC_PORT", "CALL_TIMEOUT", "(default 5s)", "DRAIN", "ATTEMPTS", "LOG_LEVEL", "(default INFO)",
	} {
		if !strings.Contains(usage.String(), want) {
			t.Errorf("usage says nothing of %q:\n%s", want, usage.String())
		}
	}
	if strings.Contains(usage.String(), "hidden") {
		t.Error("usage shows a secret")
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	e := environment(map[string]string{"APP_API_TOKEN": "hidden", "PORT": "1"})
	service.ReadSettings(e, 8080)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("starting", "settings", e)
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("the log shows a secret: %s", log.String())
	}
	for _, want := range []string{"settings.APP_API_TOKEN=***", `settings.DAPR_API_TOKEN=""`, "settings.PORT=1", "settings.LOG_LEVEL=INFO"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says nothing of %s: %s", want, log.String())
		}
	}
}
