package messages

import (
	"encoding/hex"
	"regexp"

	"github.com/google/uuid"
)

// traceParent is version 00 of W3C Trace Context
// (https://www.w3.org/TR/trace-context/#traceparent-header).
var traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// ValidTraceParent tells whether s is a trace context that can be passed on.
func ValidTraceParent(s string) bool { return traceParent.MatchString(s) }

// StartTrace gives the trace context of an operation whose request brought
// none: the trace's id is the operation's.
func StartTrace(operationID uuid.UUID) string {
	return "00-" + hex.EncodeToString(operationID[:]) + "-" + hex.EncodeToString(operationID[8:]) + "-00"
}

// TraceID is the trace's id within a trace context; empty if that is not valid.
func TraceID(traceParent string) string {
	const begin, end, length = 3, 35, 55
	if len(traceParent) != length {
		return ""
	}
	return traceParent[begin:end]
}
