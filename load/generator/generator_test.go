package generator

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"registration.example/load/ledger"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// TestVerdictOnALyingSystem: each kind of lie is found, and only that.
func TestVerdictOnALyingSystem(t *testing.T) {
	t.Parallel()
	third, other := func(n int) bool { return n == 3 }, uuid.New()
	tests := map[string]struct {
		system *fake
		want   ledger.Verdict
	}{
		"honest": {system: &fake{}},
		"lost":   {system: &fake{lose: third}, want: ledger.Verdict{Lost: 1}},
		"another user": {
			system: &fake{bend: func(n, _ int, d *document) {
				if third(n) {
					d.Data.UUID = &other
				}
			}},
			want: ledger.Verdict{Duplicated: 1},
		},
		"two operations with one user": {
			system: &fake{user: func(n int, d *userDocument) {
				if third(n) {
					d.OperationID = uuid.New()
				}
			}},
			want: ledger.Verdict{Duplicated: 1},
		},
		"verdict turned round": {
			system: &fake{bend: func(n, _ int, d *document) {
				if third(n) {
					*d.Data.Approved = !*d.Data.Approved
				}
			}},
			want: ledger.Verdict{Unexpected: 1},
		},
		"user never approved": {
			system: &fake{user: func(n int, d *userDocument) {
				if third(n) {
					d.State = "pending-approval"
				}
			}},
			want: ledger.Verdict{Unexpected: 1},
		},
		"pending again after its end": {
			system: &fake{bend: func(n, gets int, d *document) {
				if third(n) && gets > 1 {
					d.State = "pending"
				}
			}},
			want: ledger.Verdict{Regressed: 1},
		},
		"404 after 202": {
			system: &fake{hide: func(n, gets int) bool { return third(n) && gets == 1 }},
			want:   ledger.Verdict{Regressed: 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := test.system
				f.takes = 30 * time.Millisecond
				report := mustRun(t.Context(), t, options(f))
				want := test.want
				want.Attempted, want.Accepted, want.Completed = 50, 50, 50-want.Lost
				if diff := cmp.Diff(want, report.Verdict); diff != "" {
					t.Error(diff)
				}
				if report.OK() != (name == "honest") {
					t.Errorf("OK is %t", report.OK())
				}
			})
		})
	}
}

// TestFollowerFindsWhatIsLost does the same at a rate at which most operations
// are followed by asking, not by waiting.
func TestFollowerFindsWhatIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: 30 * time.Millisecond, lose: func(n int) bool { return n%100 == 7 }}
		o := options(f)
		o.Rate, o.Count, o.Check = 2000, 2000, 0
		report := mustRun(t.Context(), t, o)
		if v := report.Verdict; v.Lost != 20 || v.Completed != 1980 {
			t.Errorf("got %s", v)
		}
		if n := report.Saga.Samples; n < 40 || n > 60 {
			t.Errorf("%d samples in a second, want about 50", n)
		}
	})
}

// TestWaitingRequestsSeeTheEnd: one request an operation, and no lie gets past.
func TestWaitingRequestsSeeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{
			takes: 30 * time.Millisecond, lose: func(n int) bool { return n%100 == 7 },
			bend: func(n, _ int, d *document) { *d.Data.Approved = *d.Data.Approved != (n%100 == 11) },
		}
		o := options(f)
		o.Rate, o.Count, o.Check, o.Clients, o.Wait = 2000, 2000, 0, 200, true
		report := mustRun(t.Context(), t, o)
		if v := report.Verdict; v.Lost != 20 || v.Completed != 1980 || v.Unexpected != 20 {
			t.Errorf("got %s", v)
		}
		if n := report.Acceptance.Samples; n < 40 || n > 60 || report.Saga.Samples > n {
			t.Errorf("%d samples of acceptance and %d of sagas in a second, want about 50", n, report.Saga.Samples)
		}
		// Only sampled operations, and those that no waiting request saw end, are asked about.
		if looks := 1000; f.gets > looks {
			t.Errorf("%d GETs for 2000 operations", f.gets)
		}
	})
}

// TestRejected: without a key a 503 is the end, with one it is repeated.
func TestRejected(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys bool
		want ledger.Counts
	}{
		"without keys": {want: ledger.Counts{Accepted: 40, Rejected: 10, Busy: 10}},
		"with keys":    {keys: true, want: ledger.Counts{Accepted: 50, Busy: 10, Repeats: 10}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{answer: func(post int) (time.Duration, int) {
					if post >= 10 && post < 20 {
						return 0, http.StatusServiceUnavailable
					}
					return 0, 0
				}}
				o := options(f)
				o.Keys, o.Check = test.keys, 0
				report := mustRun(t.Context(), t, o)
				test.want.Attempted, test.want.Completed = 50, test.want.Accepted
				if diff := cmp.Diff(test.want, report.Counts); diff != "" {
					t.Error(diff)
				}
				if !report.OK() {
					t.Error("a rejected request is nothing lost")
				}
			})
		})
	}
}

// TestTimeout: a request without an answer is repeated with its key, and makes
// one operation however often the answer is lost; without a key it stays
// attempted.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]bool{"with keys": true, "without keys": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				o := options(f)
				o.Keys, o.Transport = keys, &answerLost{fake: f, posts: 5}
				report := mustRun(t.Context(), t, o)
				c := report.Counts
				if keys && (c.Accepted != 50 || c.Repeats != 5 || c.Unknown != 0) {
					t.Errorf("with keys: %+v", c)
				}
				if !keys && (c.Accepted != 45 || c.Repeats != 0 || c.Unknown != 5) {
					t.Errorf("without keys: %+v", c)
				}
				if len(f.all) != 50 || c.NoConnection != 5 || !report.OK() {
					t.Errorf("%d operations made; %+v", len(f.all), c)
				}
			})
		})
	}
}

// answerLost loses the answers of the first POSTs after they took effect.
type answerLost struct {
	*fake
	posts int
}

func (a *answerLost) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.fake.RoundTrip(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method == http.MethodPost && a.posts > 0 {
		a.posts--
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

func TestNothingAcceptedProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(int) (time.Duration, int) { return 0, http.StatusBadRequest }}
		report := mustRun(t.Context(), t, options(f))
		if report.OK() || report.Counts.Refused != 50 {
			t.Errorf("OK %t, %+v", report.OK(), report.Counts)
		}
	})
}

// TestEndlessUntilSignal: a run without end stops at a signal, and still
// follows what it has to its end.
func TestEndlessUntilSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(&fake{takes: time.Second})
		o.Count = 0
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		report := mustRun(ctx, t, o)
		if v := report.Verdict; !report.OK() || v.Attempted < 5999 || v.Completed != v.Attempted {
			t.Errorf("got %s", v)
		}
		if time.Since(report.Start) > 90*time.Second {
			t.Errorf("it took %v", time.Since(report.Start))
		}
	})
}

// TestOverTheNetwork runs against a real server, with all outputs on.
func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	f := &fake{takes: 5 * time.Millisecond}
	server := httptest.NewServer(f)
	defer server.Close()
	var journal, progress bytes.Buffer
	o := options(f)
	o.Transport, o.Target, o.UsersTarget = nil, server.URL, server.URL+"/"
	o.Rate, o.Count, o.Keys, o.Journal = 0, 500, true, &journal
	o.Progress, o.Terminal, o.MetricsAddr = &progress, true, "127.0.0.1:0"
	report := mustRun(t.Context(), t, o)
	want := ledger.Verdict{Attempted: 500, Accepted: 500, Completed: 500}
	if diff := cmp.Diff(want, report.Verdict); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(journal.String(), "\n"); n != 500 {
		t.Errorf("%d lines in the ledger file", n)
	}
	if report.Counts.UsersChecked != 500 || !strings.Contains(progress.String(), "accepted 500") {
		t.Errorf("%d users checked; progress %q", report.Counts.UsersChecked, progress.String())
	}
	if report.Acceptance.Samples != 500 || report.EndedRate == 0 {
		t.Errorf("report %+v", report)
	}
}

func TestOptionsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*Options){
		"negative rate": func(o *Options) { o.Rate = -1 },
		"share over 1":  func(o *Options) { o.Deny = 2 },
		"no clients":    func(o *Options) { o.Clients = 0 },
		"no timeout":    func(o *Options) { o.Timeout = 0 },
		"no URL":        func(o *Options) { o.Target = "localhost:8080" },
		"bad users URL": func(o *Options) { o.UsersTarget = "::" },
		"bad address":   func(o *Options) { o.MetricsAddr = "nowhere:-1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(&fake{})
			bend(&o)
			if _, err := Run(t.Context(), o); err == nil {
				t.Error("it ran")
			}
		})
	}
}
