package app

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"registration.example/service"
)

// malformed is a request that must be refused.
type malformed struct {
	method, path, body string
	headers            []string
	status             int
	code               string
	// at is the part of the request that the problem points to, if any.
	at *service.FieldError
}

// Where problems point to.
var (
	atBody = &service.FieldError{}
	atName = atPointer("/name")
)

func atPointer(pointer string) *service.FieldError { return &service.FieldError{Pointer: pointer} }
func atHeader(name string) *service.FieldError     { return &service.FieldError{Header: name} }

// bodies maps bodies that are refused to where the problem is.
func bodies() map[string]*service.FieldError {
	at := map[string]*service.FieldError{}
	add := func(where *service.FieldError, bodies ...string) {
		for _, body := range bodies {
			at[body] = where
		}
	}
	// Not JSON, or not only one value.
	add(atBody, "", " ", "\n", "hans", "{", "}", "[", `"`, `"hans`, `{"name"}`, `{"name":}`, `{"name":"hans"`, `{"name":"hans",}`, `{,"name":"hans"}`,
		`{"name":"hans"}}`, `{"name":"hans"}]`, `{"name":"hans"},`, `{"name":"hans"}{"name":"hans"}`, `{"name":"hans"} null`, `{"name":"hans"}x`,
		"{\"name\":\"hans\"}\x00", `{'name':'hans'}`, `{name:"hans"}`, `{"name":hans}`, `{"name":'hans'}`, `{"name" "hans"}`, `{"name"="hans"}`,
		`<name>hans</name>`, "name: hans", "name=hans", `{"name":"hans"} // hans`, `{/**/"name":"hans"}`, "NaN", `{"name":NaN}`, `{"name":Infinity}`,
		`{"name":undefined}`, `{"name":01}`, `{"name":+1}`, `{"name":.5}`, `{"name":1.}`, `{"name":0x1}`, `{"name":True}`, `{"name":nil}`,
		`{"name":"\x41"}`, `{"name":"\u12"}`, `{"name":"\u12g4"}`, `{"name":"\"}`, "{\"name\":\"a\x00b\"}", "{\"name\":\"a\nb\"}", "{\"name\":\"a\tb\"}",
		"\ufeff"+`{"name":"hans"}`, "{\"name\"\u00a0:\"hans\"}", `{"name":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`,
		strings.Repeat("[", 60_000), strings.Repeat(`{"name":`, 7_000))
	// Another value.
	add(atBody, "null", "true", "false", "0", "-1", "1e3", `"hans"`, `"{\"name\":\"hans\"}"`, "[]", `["hans"]`, `[{"name":"hans"}]`, `[["name","hans"]]`)
	// Not UTF-8.
	for _, text := range []string{"\xff", "\xfe\xff", "\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\xa6", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "h\xe4ns"} {
		add(atBody, `{"name":"`+text+`"}`, `{"name":"hans","`+text+`":1}`, `{"name":"hans"}`+text)
	}
	add(atBody, utf16Text(binary.LittleEndian), utf16Text(binary.BigEndian), zipped(`{"name":"hans"}`))
	// The name is missing, is something else, or is there twice.
	add(atName, "{}", " { } ")
	for _, value := range []string{"null", "true", "false", "0", "-1.5", "1e400", "[]", "{}", `["hans"]`, `[null]`, `{"name":"hans"}`, `{"$ne":""}`, `[["hans"]]`} {
		add(atName, `{"name":`+value+`}`, `{"name":`+value+`,"name":"hans"}`, `{"name":"hans","name":`+value+`}`)
	}
	add(atName, `{"name":"hans","name":"hans"}`, `{"name":"hans","name":"otto"}`, `{"name":"hans","n\u0061me":"otto"}`, `{"name":"","name":"","name":""}`)
	// The name is too short, too long, or has what is no character.
	add(atName, `{"name":""}`, `{"name":"`+strings.Repeat(`\u0061`, 257)+`"}`, `{"name":"`+strings.Repeat(`\ud83e\udd94`, 257)+`"}`, `{"name":"`+strings.Repeat("x", 60_000)+`"}`)
	for _, character := range []string{"a", " ", "é", "ω", "ع", "ह", "漢", "한", "𐌰", "🦔", "\u0301", `\\`, `\u0000`} {
		add(atName, `{"name":"`+strings.Repeat(character, 257)+`"}`)
	}
	for _, half := range []string{`\ud800`, `\uDBFF`, `\udc00`, `\uDFFF`, `\udc00\ud800`, `\ud800\ud800`, `\ud83ea`, `a\ud83e`, `\\\ud83e`, `\ud83e\udd94\udd94`, `\ud800\u0061`, `\ud800\n`} {
		add(atName, `{"name":"`+half+`"}`)
	}
	// Members that are not known.
	for member, pointer := range map[string]string{
		"Name": "/Name", "NAME": "/NAME", "nаme": "/nаme", " name": "/ name", "name ": "/name ", "": "/", "id": "/id", "uuid": "/uuid", "state": "/state",
		"approved": "/approved", "a/b": "/a~1b", "a~b": "/a~0b", "~1": "/~01", "/name": "/~1name", "$set": "/$set", "data.name": "/data.name", "名前": "/名前",
		`\u0000`: "/\x00", "__proto__": "/__proto__", `name\u0000`: "/name\x00", `\"`: `/"`,
	} {
		add(atPointer(pointer), `{"`+member+`":"hans"}`, `{"name":"hans","`+member+`":1}`, `{"`+member+`":{},"name":"hans"}`)
	}
	return at
}

// utf16Text is a good body in another encoding.
func utf16Text(order binary.ByteOrder) string {
	var b bytes.Buffer
	_ = binary.Write(&b, order, utf16.Encode([]rune(`{"name":"hans"}`)))
	return b.String()
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// malformedPosts are refused at the path that makes users.
func malformedPosts(path string) []malformed {
	const good = `{"name":"hans"}`
	var all []malformed
	refuse := func(status int, code string, at *service.FieldError, body string, headers ...string) {
		all = append(all, malformed{http.MethodPost, path, body, headers, status, code, at})
	}
	for body, at := range bodies() {
		refuse(http.StatusBadRequest, "invalid-body", at, body, asJSON)
	}
	for _, body := range []string{good + strings.Repeat(" ", maxBody), strings.Repeat(" ", maxBody) + good, `{"name":"` + strings.Repeat("x", maxBody) + `"}`, strings.Repeat("\xff", 1<<20)} {
		refuse(http.StatusRequestEntityTooLarge, "body-too-large", nil, body, asJSON)
	}
	for _, kind := range []string{
		"", " ", "json", "/json", "application/", "application/jso", "application/jsonp", "application/json-patch+json", "application/problem+json", "text/json",
		"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*", "application/*", "application/json; charset",
		"application/json; =", "application/json, text/plain", "application/octet-stream", "application\\json",
	} {
		refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", atHeader("Content-Type"), good, "Content-Type: "+kind)
	}
	refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", atHeader("Content-Type"), good)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, identity", "x"} {
		refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", atHeader("Content-Encoding"), zipped(good), asJSON, "Content-Encoding: "+coding)
	}
	for _, key := range []string{"", strings.Repeat("k", 257), "\t", "a\nb", "a\x00b", "\x7f", "ключ", "é", "\xff"} {
		refuse(http.StatusBadRequest, "invalid-idempotency-key", atHeader("Idempotency-Key"), good, asJSON, "Idempotency-Key: "+key)
	}
	refuse(http.StatusBadRequest, "invalid-idempotency-key", atHeader("Idempotency-Key"), good, asJSON, "Idempotency-Key: a", "Idempotency-Key: a")
	for _, prefer := range badPreferences {
		refuse(http.StatusBadRequest, "invalid-preference", atHeader("Prefer"), good, asJSON, "Prefer: "+prefer)
	}
	return all
}

var badPreferences = []string{
	"wait=", "wait=x", "wait=-1", "wait=+1", "wait=1.5", "wait=10s", "wait=0x10", "wait=1e1", "wait=1_0", `wait="x"`, `wait=""`, "wait=１", "respond-async, wait=soon", "foo; wait=x",
}

// malformedGets are refused at the path that shows operations.
func malformedGets(path string) []malformed {
	const id = "6d232092-dceb-419f-bff1-2d686eace56c"
	var all []malformed
	for _, text := range []string{
		"1", "0", "null", "hans", "*", "%20", "%00", "%ff", "6d232092", id[:35], id + "0", id + "%0a", "%20" + id[1:], strings.ReplaceAll(id, "-", ""), "urn:uuid:" + id, "%7b" + id + "%7d",
		strings.Replace(id, "6", "g", 1), strings.ReplaceAll(id, "-", "_"), id + "," + id, "漢", strings.Repeat("a", 4000), "6d232092-dceb-419f-bff1-2d686eace56", "6d232092dceb-419f-bff1-2d686eace56c-",
	} {
		all = append(all, malformed{http.MethodGet, path + text, "", nil, http.StatusBadRequest, "invalid-uuid", &service.FieldError{Parameter: "uuid"}})
	}
	for _, prefer := range badPreferences {
		all = append(all, malformed{http.MethodGet, path + id, "", []string{"Prefer: " + prefer}, http.StatusBadRequest, "invalid-preference", atHeader("Prefer")})
	}
	return all
}

// misdirected are requests to what is not there.
func misdirected() []malformed {
	const id = "6d232092-dceb-419f-bff1-2d686eace56c"
	var all []malformed
	refuse := func(method, path string, status int, code string, at *service.FieldError) {
		all = append(all, malformed{method, path, `{"name":"hans"}`, []string{asJSON}, status, code, at})
	}
	for _, path := range []string{"/operations/user-create", "/operations/" + id, "/operation/create/user-create", "/operation/get/" + id, "/healthz", "/readyz", "/metrics", "/openapi.yaml"} {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW", "post"} {
			refuse(method, path, http.StatusMethodNotAllowed, "method-not-allowed", nil)
		}
	}
	for _, path := range []string{"/operation/get/" + id, "/healthz", "/readyz", "/metrics", "/openapi.yaml"} {
		refuse(http.MethodPost, path, http.StatusMethodNotAllowed, "method-not-allowed", nil)
	}
	refuse(http.MethodGet, "/operation/create/user-create", http.StatusMethodNotAllowed, "method-not-allowed", nil)
	refuse(http.MethodHead, "/operation/create/user-create", http.StatusMethodNotAllowed, "method-not-allowed", nil)
	refuse(http.MethodGet, "/operations/user-create", http.StatusBadRequest, "invalid-uuid", &service.FieldError{Parameter: "uuid"})
	for _, path := range []string{
		"/", "/operations", "/operations/", "/operation", "/operation/", "/operation/create", "/operation/create/", "/operation/get", "/operation/get/", "/operations/user-create/",
		"/operations/user-create/x", "/operations/user-create%2fx", "/OPERATIONS/user-create", "/operation/list/" + id, "/users/" + id, "/favicon.ico", "/.git/config", "/healthz/",
		"/events/user-create-response", "/openapi.json", "/%ff", "/*",
		"//operations/user-create", "/operations//user-create", "/./operations/user-create", "/operations/./user-create", "/x/../operations/user-create", "/operations/%2e%2e/healthz",
	} {
		refuse(http.MethodPost, path, http.StatusNotFound, "no-such-route", nil)
		refuse(http.MethodGet, path, http.StatusNotFound, "no-such-route", nil)
	}
	for _, kind := range []string{"user-delete", "User-Create", "user-create%20", "user-create%00", "user%2dcreat", "%22", "..%5c", "漢", id} {
		for _, path := range []string{"/operations/", "/operation/create/"} {
			refuse(http.MethodPost, path+kind, http.StatusNotFound, "unknown-operation-type", nil)
		}
	}
	return all
}

func TestMalformedRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	var all []malformed
	for _, path := range []string{"/operations/user-create", "/operation/create/user-create"} {
		all = append(all, malformedPosts(path)...)
	}
	for _, path := range []string{"/operations/", "/operation/get/"} {
		all = append(all, malformedGets(path)...)
	}
	all = append(all, misdirected()...)
	if len(all) < 200 {
		t.Errorf("%d requests, want at least 200", len(all))
	}
	s := start(t)
	t.Run("requests", func(t *testing.T) {
		for i, m := range all {
			t.Run(fmt.Sprintf("%d %s", i, m.code), func(t *testing.T) {
				t.Parallel()
				check(t, s, m)
			})
		}
	})
	if records := s.state.Records(); len(records) > 0 {
		t.Errorf("stored: %v", records)
	}
	if events := s.published(t); len(events) > 0 {
		t.Errorf("published: %v", events)
	}
}

func check(t *testing.T, s *system, m malformed) {
	t.Helper()
	answer := ask(t, s.clients, m.method, m.path, m.body, m.headers...)
	p := read[service.Problem](t, answer, m.status)
	var at []service.FieldError
	if m.at != nil {
		at = []service.FieldError{*m.at}
	}
	if diff := cmp.Diff(at, p.Errors, cmpopts.IgnoreFields(service.FieldError{}, "Detail")); diff != "" || p.Code != m.code || p.Status != m.status {
		t.Errorf("%s %s %q %.100q: got %+v; errors (-want +got):\n%s", m.method, m.path, m.headers, m.body, p, diff)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if m.status == http.StatusMethodNotAllowed && !strings.Contains("GET, HEAD; POST; GET, HEAD, POST", answer.Header.Get("Allow")) {
		t.Errorf("%s %s: Allow %q", m.method, m.path, answer.Header.Get("Allow"))
	}
}

func TestTheBodyBreaksOff(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := io.MultiReader(strings.NewReader(`{"name":"ha`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/operations/user-create", body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.clients.ServeHTTP(w, r)
	if p := read[service.Problem](t, w.Result(), http.StatusBadRequest); p.Code != "invalid-body" || len(s.state.Records()) > 0 {
		t.Errorf("got %+v", p)
	}
}

func TestUnusualRequestsThatAreAccepted(t *testing.T) {
	t.Parallel()
	const good = `{"name":"hans"}`
	cases := map[string]struct {
		body    string
		headers []string
	}{
		"white space":                  {" \t\r\n{ \"name\" :\n\"hans\" } \n", []string{asJSON}},
		"escapes":                      {`{"n\u0061me":"\u0068ans"}`, []string{asJSON}},
		"a charset":                    {good, []string{"Content-Type: application/json; charset=utf-8"}},
		"capitals":                     {good, []string{"Content-Type: Application/JSON"}},
		"no coding":                    {good, []string{asJSON, "Content-Encoding: identity"}},
		"the largest body":             {good + strings.Repeat(" ", maxBody-len(good)), []string{asJSON}},
		"the longest key":              {good, []string{asJSON, "Idempotency-Key: " + strings.Repeat("~", 256)}},
		"a key with spaces and quotes": {good, []string{asJSON, `Idempotency-Key: "a b"`}},
	}
	s := start(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := ask(t, s.clients, http.MethodPost, "/operations/user-create", c.body, c.headers...)
			if o := accepted(t, answer); o.Data.Name != "hans" {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestSurrogatePairsAreCharacters(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"name":"\ud83e\udd94"}`:   "🦔",
		`{"name":"\uD83E\uDD94a"}`:  "🦔a",
		`{"name":"\\ud83e"}`:        `\ud83e`,
		`{"name":"\\\\ud83e\n\""}`:  "\\\\ud83e\n\"",
		`{"name":"\ufffd"}`:         "\ufffd",
		`{"name":"\ud7ff\ue000"}`:   "\ud7ff\ue000",
		`{"name":"\\\ud83e\udd94"}`: `\🦔`,
	} {
		if got, err := decodeName([]byte(body)); got != want || err != nil {
			t.Errorf("%s gives %q, %v; want %q", body, got, err, want)
		}
	}
}
