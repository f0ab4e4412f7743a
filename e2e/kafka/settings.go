package kafka

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

// The files that a broker's folder holds beside its log.
const (
	settingsFile = "server.properties"
	loggingFile  = "log4j2.xml"
	dataFolder   = "data"
)

//go:embed server.properties
var settingsText string

//go:embed log4j2.xml
var loggingText []byte

var settings = template.Must(template.New(settingsFile).Option("missingkey=error").Parse(settingsText))

// prepare writes the settings, and on the first use of the folder formats it,
// as Kafka calls it.
func prepare(ctx context.Context, java javaRuntime, options Options) error {
	if err := writeSettings(options); err != nil {
		return fmt.Errorf("settings of the broker: %w", err)
	}
	_, err := os.Stat(filepath.Join(options.Dir, dataFolder, "meta.properties"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	format := java.command(ctx, options, "kafka.tools.StorageTool", "format", "-t", clusterID(), "-c", settingsFile)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format %s: %w\n%s", options.Dir, err, out)
	}
	return nil
}

// writeSettings runs before each start, since the controller's port is chosen
// anew: only the broker talks to it.
func writeSettings(options Options) error {
	controller, err := freePort()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = settings.Execute(&text, map[string]any{
		"Port":           options.Port,
		"Advertise":      cmp.Or(options.Advertise, fmt.Sprintf("127.0.0.1:%d", options.Port)),
		"ControllerPort": controller,
		"Data":           filepath.Join(options.Dir, dataFolder),
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(options.Dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(options.Dir, settingsFile), text.Bytes(), 0o644),
		os.WriteFile(filepath.Join(options.Dir, loggingFile), loggingText, 0o644),
	)
}

// clusterID is what Kafka's own tool would draw, without a Java machine started
// for it: a random id, one that no shell takes for an option.
func clusterID() string {
	var id [16]byte
	for {
		_, _ = rand.Read(id[:]) // never fails
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text
		}
	}
}
