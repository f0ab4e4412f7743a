package messages

import (
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// A trace context of version 00 (https://www.w3.org/TR/trace-context/#traceparent-header)
// is 00-trace-span-flags, in lower-case hexadecimal digits. Ids of zeros only
// are not valid. This runs several times a saga: a regular expression would
// cost a microsecond each time.
const (
	traceBegin, traceEnd = 3, 35
	spanBegin, spanEnd   = 36, 52
	flagsBegin, flagsEnd = 53, 55
)

// ValidTraceParent tells whether s is a trace context that can be passed on.
func ValidTraceParent(s string) bool {
	if len(s) != flagsEnd || s[:traceBegin] != "00-" || s[traceEnd] != '-' || s[spanEnd] != '-' {
		return false
	}
	trace, span, flags := s[traceBegin:traceEnd], s[spanBegin:spanEnd], s[flagsBegin:]
	return isHex(trace) && isHex(span) && isHex(flags) && strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
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
