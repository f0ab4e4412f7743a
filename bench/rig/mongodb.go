package rig

import (
	"errors"
	"os"
	"path/filepath"

	"registration.example/local/components"
	"registration.example/local/system"
)

// withMongoDB copies component folders with MongoDB in the place of SQLite: the
// embedded profile, but for its database.
func withMongoDB(from, to, uri string) error {
	const file = "statestore.yaml"
	folder := func(root string, profile system.Profile) string { return filepath.Join(root, string(profile)) }
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return errors.Join(
		components.CopyWith(folder(from, system.KafkaMongoDB), folder(to, system.KafkaMongoDB), components.Addresses{MongoDB: uri}),
		os.Rename(filepath.Join(folder(to, system.KafkaMongoDB), file), filepath.Join(folder(to, system.Embedded), file)),
	)
}
