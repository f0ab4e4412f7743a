package openapitest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registration.example/service/openapitest"
)

const document = `
openapi: 3.1.0
info: {title: greetings, version: "1"}
paths:
  /greetings/{name}:
    put:
      operationId: greet
      parameters:
        - {name: name, in: path, required: true, schema: {type: string, maxLength: 5}}
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, required: [loud], properties: {loud: {type: boolean}}}
      responses:
        "200":
          description: The greeting.
          headers:
            X-Volume: {required: true, description: How loud., schema: {type: integer}}
          content:
            application/json:
              schema: &greeting
                type: object
                additionalProperties: false
                required: [text]
                properties: {text: {type: string, minLength: 1}}
              examples: {short: {value: {text: hi}}}
        "304":
          description: The same greeting.
  /volume:
    get:
      operationId: volume
      responses:
        "200":
          description: How loud.
          content: {application/json: {schema: {type: integer}, examples: {one: {value: 7}}}}
components:
  schemas:
    Problem: {type: object, required: [code], properties: {code: {enum: [no-such-route]}}}
`

// answer is what a handler answers.
type answer struct {
	status      int
	kind, body  string
	headerNames []string
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for _, name := range a.headerNames {
		w.Header().Set(name, "7")
	}
	w.Header().Set("Content-Type", a.kind)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// recorder is a testing.TB that keeps what is reported instead of failing.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }

func TestCheck(t *testing.T) {
	t.Parallel()
	const json, problem = "application/json", "application/problem+json"
	volume := []string{"X-Volume"}
	good := answer{http.StatusOK, json, `{"text":"hi"}`, volume}
	cases := map[string]struct {
		method, path, body string
		answer             answer
		want               string // part of what is reported; empty if all is well
	}{
		"as described":                  {"PUT", "/greetings/hans", `{"loud":true}`, good, ""},
		"a member is missing":           {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, json, `{}`, volume}, "text"},
		"a member is not described":     {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, json, `{"text":"hi","x":1}`, volume}, "additional"},
		"a member has another type":     {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, json, `{"text":1}`, volume}, "string"},
		"a header is missing":           {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, json, `{"text":"hi"}`, nil}, "X-Volume"},
		"a header is not described":     {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, json, `{"text":"hi"}`, []string{"X-Volume", "X-Other"}}, "X-Other"},
		"another content type":          {"PUT", "/greetings/hans", `{"loud":true}`, answer{200, "text/plain", "hi", volume}, "text/plain"},
		"a status is not described":     {"PUT", "/greetings/hans", `{"loud":true}`, answer{500, json, `{}`, nil}, "500"},
		"a wrong body is accepted":      {"PUT", "/greetings/hans", `{"loud":"very"}`, good, "but is not described so"},
		"a wrong parameter is accepted": {"PUT", "/greetings/johannes", `{"loud":true}`, good, "but is not described so"},
		"no body":                       {"PUT", "/greetings/hans", `{"loud":true}`, answer{304, "", "", nil}, ""},
		"another path":                  {"PUT", "/other", `{}`, answer{404, problem, `{"code":"no-such-route"}`, nil}, ""},
		"another path, another problem": {"PUT", "/other", `{}`, answer{404, problem, `{"code":"other"}`, nil}, "no problem document"},
		"another path is no problem":    {"PUT", "/other", `{}`, answer{404, "text/plain", "what?", nil}, "want a problem document"},
		"an empty segment":              {"PUT", "/greetings//hans", `{"loud":true}`, answer{404, problem, `{"code":"no-such-route"}`, nil}, ""},
		"HEAD for GET":                  {"HEAD", "/volume", "", answer{200, json, "7", nil}, ""},
		"HEAD with another status":      {"HEAD", "/volume", "", answer{202, json, "7", nil}, "202"},
		"another method is accepted":    {"GET", "/greetings/hans", "", good, "want a problem document"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			description := openapitest.New([]byte(document))
			request := func(url string) *http.Request {
				r := httptest.NewRequestWithContext(t.Context(), c.method, url+c.path, strings.NewReader(c.body))
				r.Header.Set("Content-Type", json)
				r.RequestURI = ""
				return r
			}
			atHandler, atClient := &recorder{TB: t}, &recorder{TB: t}
			description.Handler(atHandler, c.answer).ServeHTTP(httptest.NewRecorder(), request(""))

			server := httptest.NewServer(c.answer)
			defer server.Close()
			client := http.Client{Transport: description.RoundTripper(atClient, server.Client().Transport)}
			received, err := client.Do(request(server.URL))
			if err != nil {
				t.Fatal(err)
			}
			defer received.Body.Close()
			want := c.answer.body
			if c.method == http.MethodHead {
				want = ""
			}
			if body, _ := io.ReadAll(received.Body); string(body) != want || received.StatusCode != c.answer.status {
				t.Errorf("the client gets %d %q", received.StatusCode, body)
			}
			for where, reported := range map[string][]string{"handler": atHandler.errors, "client": atClient.errors} {
				if text := strings.Join(reported, "\n"); (text == "") != (c.want == "") || !strings.Contains(text, c.want) {
					t.Errorf("%s: reported %q, want %q in it", where, text, c.want)
				}
			}
		})
	}
}

func TestWhatWasNotSeenIsListed(t *testing.T) {
	t.Parallel()
	description := openapitest.New([]byte(document))
	handler := description.Handler(t, answer{304, "", "", nil})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/greetings/hans", strings.NewReader(`{"loud":true}`))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(httptest.NewRecorder(), r)

	want := []openapitest.Response{{Method: "GET", Path: "/volume", Status: "200"}, {Method: "PUT", Path: "/greetings/{name}", Status: "200"}}
	if diff := cmp.Diff(want, description.Unseen()); diff != "" {
		t.Errorf("unseen (-want +got):\n%s", diff)
	}
}

func TestWrongDescriptionsFailEveryCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ document, want string }{
		"no YAML":                {"\t", "description"},
		"no OpenAPI":             {"openapi: 3.1.0\ninfo: {title: x}\npaths: {}\n", "version"},
		"an example is wrong":    {strings.Replace(document, "{text: hi}", "{text: 1}", 1), "example short"},
		"there is no example":    {strings.Replace(document, "examples: {short: {value: {text: hi}}}", "", 1), "no example"},
		"a reference leads away": {strings.Replace(document, "schema: &greeting", "schema:\n                $ref: '#/components/schemas/Other'", 1), "description"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			description := openapitest.New([]byte(c.document))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/greetings/hans", nil)
			err := description.Check(r, nil, &http.Response{StatusCode: http.StatusOK}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			if unseen := description.Unseen(); unseen != nil {
				t.Errorf("unseen %v", unseen)
			}
		})
	}
}
