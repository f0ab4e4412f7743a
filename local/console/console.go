// Package console turns the processes' logs into lines that a person can
// follow: one for each change of state, and what went wrong.
package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// changes are the messages of the services that tell a change of state.
var changes = map[string]bool{
	"operation pending":     true,
	"operation completed":   true,
	"operation failed":      true,
	"user pending-approval": true,
	"user approved":         true,
	"user not-approved":     true,
	"approval approved":     true,
	"approval denied":       true,
}

// Entry is something to show.
type Entry struct {
	Time time.Time
	Text string
	// Trouble is a warning or worse, not a change of state.
	Trouble bool
}

// String is the line to show.
func (e Entry) String() string {
	return e.Time.Local().Format("15:04:05.000") + "  " + e.Text
}

// Parse reads a line of a process's log; most are not to be shown.
func Parse(process, line string) (Entry, bool) {
	if strings.HasPrefix(line, "{") {
		return fromService(process, line)
	}
	return fromSidecar(process, line)
}

// fromService reads a line of log/slog's JSON handler.
func fromService(process, line string) (Entry, bool) {
	var record map[string]any
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		return Entry{}, false
	}
	message, level := take(record, "msg"), take(record, "level")
	at, err := time.Parse(time.RFC3339Nano, take(record, "time"))
	trouble := level == "WARN" || level == "ERROR"
	if err != nil || !changes[message] && !trouble {
		return Entry{}, false
	}
	id, name := take(record, "operation_id"), take(record, "name")
	if changes[message] {
		text := fmt.Sprintf("%-21s  %s", message, id)
		if name != "" {
			text += fmt.Sprintf("  %q", name)
		}
		return Entry{Time: at, Text: text}, true
	}
	delete(record, "service")
	delete(record, "trace_id")
	parts := []string{level, process + ": " + message, id}
	for _, key := range slices.Sorted(maps.Keys(record)) {
		parts = append(parts, key+"="+take(record, key))
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return Entry{Time: at, Text: strings.Join(parts, "  "), Trouble: true}, true
}

// take removes a key and gives its value, "" if it has none.
func take(record map[string]any, key string) string {
	value, ok := record[key]
	delete(record, key)
	if !ok {
		return ""
	}
	return fmt.Sprint(value)
}

// sidecarLine is how a sidecar logs; quotes in the message are escaped.
var sidecarLine = regexp.MustCompile(`^time="([^"]+)" level=(error|fatal) msg="((?:[^"\\]|\\.)*)"`)

// fromSidecar shows errors only: a sidecar warns of much that is normal.
func fromSidecar(process, line string) (Entry, bool) {
	found := sidecarLine.FindStringSubmatch(line)
	if found == nil {
		return Entry{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, found[1])
	if err != nil {
		return Entry{}, false
	}
	message := strings.ReplaceAll(found[3], `\"`, `"`)
	return Entry{Time: at, Text: strings.ToUpper(found[2]) + "  " + process + ": " + message, Trouble: true}, true
}
