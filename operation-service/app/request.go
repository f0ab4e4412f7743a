package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
)

// Limits of a request.
const (
	maxBody      = 64 << 10
	maxKeyLength = 256
	maxWait      = 30 * time.Second
)

func invalid(pointer, detail string) error {
	return service.NewProblem(http.StatusBadRequest, "invalid-body", "The body is not as it must be.",
		service.FieldError{Pointer: pointer, Detail: detail})
}

// readName reads the body {"name": "..."}.
func readName(w http.ResponseWriter, r *http.Request) (string, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "", service.NewProblem(http.StatusUnsupportedMediaType, "unsupported-media-type", "The body must be application/json.",
			service.FieldError{Header: "Content-Type", Detail: "must be application/json"})
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", service.NewProblem(http.StatusUnsupportedMediaType, "unsupported-media-type", "The body must not be compressed.",
			service.FieldError{Header: "Content-Encoding", Detail: "must be absent"})
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return "", service.NewProblem(http.StatusRequestEntityTooLarge, "body-too-large", fmt.Sprintf("The body is larger than %d bytes.", maxBody))
		}
		return "", invalid("", "could not be read")
	}
	if !utf8.Valid(body) {
		return "", invalid("", "must be UTF-8")
	}
	name, err := decodeName(body)
	if err != nil {
		return "", err
	}
	if err := operation.CheckName(name); err != nil {
		return "", invalid("/name", err.Error())
	}
	return name, nil
}

// decodeName takes no member but name, once, with its case: encoding/json
// alone would ignore the case and let the last of several win.
func decodeName(body []byte) (string, error) {
	if !json.Valid(body) {
		return "", invalid("", "must be one JSON object and nothing after it")
	}
	decoder := json.NewDecoder(bytes.NewReader(body)) // errors cannot come any more
	if begin, _ := decoder.Token(); begin != json.Delim('{') {
		return "", invalid("", "must be a JSON object")
	}
	var raw json.RawMessage
	for decoder.More() {
		member, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value)
		if member != "name" {
			return "", invalid("/"+pointerEscape.Replace(fmt.Sprint(member)), "is not known")
		}
		if raw != nil {
			return "", invalid("/name", "is there twice")
		}
		raw = value
	}
	if raw == nil {
		return "", invalid("/name", "is missing")
	}
	var name *string
	if err := json.Unmarshal(raw, &name); err != nil || name == nil {
		return "", invalid("/name", "must be a string")
	}
	if hasLoneSurrogate(raw) {
		return "", invalid("/name", "must not have half of a surrogate pair")
	}
	return *name, nil
}

// escape finds the next escape in a JSON string. Its group is half of a
// surrogate pair, alone: that is no character, and encoding/json would put
// U+FFFD in its place.
var escape = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)`)

func hasLoneSurrogate(raw []byte) bool {
	for _, match := range escape.FindAllSubmatch(raw, -1) {
		if match[1] != nil {
			return true
		}
	}
	return false
}

// pointerEscape escapes a member's name in a JSON pointer (RFC 6901, section 3).
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// readKey reads the Idempotency-Key, which is optional.
func readKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	printable := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	if len(values) > 1 || key == "" || len(key) > maxKeyLength || !printable {
		return "", service.NewProblem(http.StatusBadRequest, "invalid-idempotency-key", "The Idempotency-Key is not as it must be.",
			service.FieldError{Header: "Idempotency-Key", Detail: fmt.Sprintf("must be one value of 1 to %d printable ASCII characters", maxKeyLength)})
	}
	return key, nil
}

// preferredWait finds wait=N among the preferences of RFC 7240.
var preferredWait = regexp.MustCompile(`(?i)(?:^|[,;\s])wait\s*=\s*"?([^",;\s]*)"?`)

// readWait reads Prefer: wait=N; 0 if there is none. Longer waits are cut to
// 30 s, which Preference-Applied then tells.
func readWait(r *http.Request) (time.Duration, error) {
	match := preferredWait.FindStringSubmatch(strings.Join(r.Header.Values("Prefer"), ","))
	if match == nil {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(match[1], 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, service.NewProblem(http.StatusBadRequest, "invalid-preference", "The preferred wait is not as it must be.",
			service.FieldError{Header: "Prefer", Detail: "wait must be a whole number of seconds"})
	}
	return min(time.Duration(seconds)*time.Second, maxWait), nil
}

func preferWait(wait time.Duration) string {
	return fmt.Sprintf("wait=%d", int(wait.Seconds()))
}

// matches implements If-None-Match (RFC 9110, section 13.1.2): weak comparison.
func matches(ifNoneMatch []string, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(ifNoneMatch, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// readTraceParent gives the request's trace context, empty if it has no valid one.
func readTraceParent(r *http.Request) string {
	value := r.Header.Get("traceparent")
	if !messages.ValidTraceParent(value) {
		return ""
	}
	return value
}
