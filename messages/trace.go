package messages

import (
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// traceParent is version 00 of W3C Trace Context
// (https://www.w3.org/TR/trace-context/#traceparent-header).
var traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// Where the ids stand in a trace context. Ids of zeros only are not valid.
const (
	traceBegin, traceEnd = 3, 35
	spanBegin, spanEnd   = 36, 52
)

// ValidTraceParent tells whether s is a trace context that can be passed on.
func ValidTraceParent(s string) bool {
	return traceParent.MatchString(s) &&
		strings.Trim(s[traceBegin:traceEnd], "0") != "" && strings.Trim(s[spanBegin:spanEnd], "0") != ""
}

// StartTrace gives the trace context of an operation whose request brought
// none: the trace's id is the operation's.
func StartTrace(operationID uuid.UUID) string {
	return "00-" + hex.EncodeToString(operationID[:]) + "-" + hex.EncodeToString(operationID[8:]) + "-00"
}

// TraceID is the trace's id within a trace context; empty if that is not valid.
func TraceID(traceParent string) string {
	if !ValidTraceParent(traceParent) {
		return ""
	}
	return traceParent[traceBegin:traceEnd]
}
