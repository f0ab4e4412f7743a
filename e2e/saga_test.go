package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"registration.example/messages"
)

func TestUserIsApproved(t *testing.T) {
	t.Parallel()
	accepted := create(t, "hans")
	if accepted.State != "pending" && !accepted.Done {
		t.Fatalf("accepted as %+v", accepted)
	}
	o := await(t, accepted.UUID)
	if o.State != "completed" || o.Data.Approved == nil || !*o.Data.Approved || o.Response.State != "completed" {
		t.Fatalf("got %+v", o)
	}
	if want := messages.UserID(o.UUID); o.Data.UUID != want {
		t.Fatalf("user %s, want %s", o.Data.UUID, want)
	}
	wantUser(t, o, "approved")
}

func TestUserIsDenied(t *testing.T) {
	t.Parallel()
	o := await(t, create(t, "deny me").UUID)
	if o.State != "completed" || *o.Data.Approved || o.Response.State != "failed" || o.Response.Error != "approval failed" {
		t.Fatalf("got %+v", o)
	}
	wantUser(t, o, "not-approved")
}

func TestTheOriginalsRequestsWork(t *testing.T) {
	t.Parallel()
	response, answer := call(t, http.MethodPost, target.operations+"/operation/create/user-create", `{"name": "hans"}`)
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", response.Status, answer)
	}
	id := decode[operation](t, answer).UUID
	response, answer = call(t, http.MethodGet, target.operations+"/operation/get/"+id.String(), "", "Prefer", "wait=30")
	if o := decode[operation](t, answer); response.StatusCode != http.StatusOK || o.State != "completed" {
		t.Fatalf("%s: %s", response.Status, answer)
	}
}

func TestPreferWaitAnswersTheEnd(t *testing.T) {
	t.Parallel()
	response, answer := call(t, http.MethodPost, target.operations+"/operations/user-create", `{"name": "hans"}`, "Prefer", "wait=30")
	if o := decode[operation](t, answer); !o.Done || response.Header.Get("Preference-Applied") != "wait=30" {
		t.Fatalf("%s %v: %s", response.Status, response.Header, answer)
	}
}

func TestRepeatedKeyIsOneOperation(t *testing.T) {
	t.Parallel()
	key := uuid.NewString()
	ids := make(chan uuid.UUID, 10)
	t.Run("at once", func(t *testing.T) {
		for range cap(ids) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				ids <- create(t, "hans", "Idempotency-Key", key).UUID
			})
		}
	})
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Fatalf("one key, two operations: %s and %s", first, id)
		}
	}
	await(t, first)
	if again := create(t, "hans", "Idempotency-Key", key); again.UUID != first || again.State != "completed" {
		t.Fatalf("the ended operation is %+v", again)
	}
	response, _ := call(t, http.MethodPost, target.operations+"/operations/user-create", `{"name": "other"}`, "Idempotency-Key", key)
	if response.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("another body with the same key: %s", response.Status)
	}
}

// TestNamesComeBackAsTheyWere holds the names that databases are known to
// change, or to run.
func TestNamesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"dollar":    "$x",
		"system":    "$$NOW",
		"operator":  `{"$set": {"name": "x"}}`,
		"dots":      "a.b..c",
		"quotes":    `"'` + "`" + `\`,
		"control":   "\x00\x01\t\n\x7f",
		"html":      "<b>&amp;</b>",
		"long":      strings.Repeat("漢", 256),
		"mixed":     "мама 👩‍👩‍👧 مرحبا",
		"separator": "a||b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := await(t, create(t, value).UUID)
			if o.Data.Name != value {
				t.Fatalf("sent %q, got %q", value, o.Data.Name)
			}
			wantUser(t, o, "approved")
		})
	}
}

func TestMalformedRequestsDoNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no JSON": "{", "array": "[]", "null": "null", "number": `{"name": 7}`, "empty": `{"name": ""}`,
		"unknown": `{"name": "x", "admin": true}`, "too long": `{"name": "` + strings.Repeat("x", 257) + `"}`,
		"too large": `{"name": "` + strings.Repeat("x", 65<<10) + `"}`, "two": `{"name": "x"}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, answer := call(t, http.MethodPost, target.operations+"/operations/user-create", body)
			var problem struct {
				Status int    `json:"status"`
				Code   string `json:"code"`
			}
			if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != response.StatusCode || problem.Code == "" ||
				response.StatusCode < 400 || response.StatusCode >= 500 || response.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s: %s", response.Status, answer)
			}
		})
	}
}
