package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// bulkOn is the setting of a subscription that single mode turns off.
var bulkOn = regexp.MustCompile(`(bulkSubscribe:\s*\n\s*enabled: )true`)

// singleDeliveries copies component folders with bulk deliveries turned off.
func singleDeliveries(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), bulkOn.ReplaceAll(content, []byte("${1}false")), 0o644)
	})
	if err != nil {
		return fmt.Errorf("components without bulk: %w", err)
	}
	return nil
}
