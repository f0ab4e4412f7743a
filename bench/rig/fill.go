package rig

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	_ "modernc.org/sqlite" // the database's driver
)

// copies makes records like one that is there until there are as many as are
// wanted, under random keys.
const copies = `WITH RECURSIVE n(i) AS (
	SELECT count(*) + 1 FROM state UNION ALL SELECT i + 1 FROM n WHERE i < ?
), one AS (SELECT * FROM state WHERE key NOT LIKE '%probe/%' LIMIT 1)
INSERT INTO state (key, value, is_binary, etag, update_time)
SELECT ? || '||' || lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
	|| '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
	one.value, one.is_binary, one.etag, one.update_time
FROM n, one`

// Fill makes sure that so many operations and users are stored. It writes them
// into the SQLite files: through the system it would take minutes.
func (r *Rig) Fill(ctx context.Context, records int) error {
	for _, app := range []string{OperationService, UserService} {
		if err := fill(ctx, filepath.Join(r.Folder(), "data", app, app+".db"), app, records); err != nil {
			return fmt.Errorf("fill the database of %s: %w", app, err)
		}
	}
	return nil
}

func fill(ctx context.Context, file, app string, records int) (err error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=synchronous(0)&_pragma=cache_size(-500000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, copies, records, app); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
