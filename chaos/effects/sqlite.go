package effects

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"

	_ "modernc.org/sqlite" // the database's driver
)

// SQLite is a folder with a folder for each service, in which its file is.
type SQLite struct{ Folder string }

// Documents implements Store. It reads beside the sidecars that write.
func (s SQLite) Documents(ctx context.Context, app string) (_ map[string][]byte, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Folder, app, app+".db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, "SELECT key, value, is_binary FROM state")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	documents := map[string][]byte{}
	for rows.Next() {
		var key, value string
		var binary bool
		if err := rows.Scan(&key, &value, &binary); err != nil {
			return nil, err
		}
		key, ok := ownKey(app, key)
		if !ok {
			continue
		}
		documents[key] = []byte(value)
		if !binary {
			continue
		}
		if documents[key], err = base64.StdEncoding.DecodeString(value); err != nil {
			return nil, fmt.Errorf("value of %s: %w", key, err)
		}
	}
	return documents, rows.Err()
}
