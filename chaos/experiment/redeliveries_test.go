package experiment

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	var n tally
	for _, scrape := range []struct {
		pid   int
		value float64
	}{{1, 5}, {1, 5}, {2, 3}, {1, 9}, {3, 4}, {2, 3}, {3, 4}} {
		n.add(scrape.pid, scrape.value)
	}
	if n.sum() != 9+3+4 {
		t.Errorf("got %d, want 16", n.sum())
	}
}

const metrics = `# HELP registration_redeliveries_total Events whose effect was found to be stored already, by topic.
# TYPE registration_redeliveries_total counter
registration_redeliveries_total{topic="user-create"} 12
registration_redeliveries_total{topic="user-approve-response"} 3
registration_redeliveries_total_other 100
registration_users_total{state="approved"} 1e+03
`

func TestScrape(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   float64
		fails  bool
	}{
		"two series": {http.StatusOK, metrics, 15, false},
		"none":       {http.StatusOK, "", 0, false},
		"no number":  {http.StatusOK, "registration_redeliveries_total x\n", 0, true},
		"an error":   {http.StatusInternalServerError, metrics, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			got, err := scrape(t.Context(), server.URL)
			if got != test.want || (err != nil) != test.fails {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if _, err := scrape(t.Context(), "http://127.0.0.1:1"); err == nil {
		t.Error("nobody answered")
	}
}

func TestMongoDBThroughAProxy(t *testing.T) {
	t.Parallel()
	const proxy = "127.0.0.1:9"
	for uri, want := range map[string][2]string{
		"mongodb://localhost:27018/?replicaSet=rs0": {"localhost:27018", "mongodb://127.0.0.1:9/?directConnection=true&replicaSet=rs0"},
		"mongodb://db/":                 {"db:27017", "mongodb://127.0.0.1:9/?directConnection=true"},
		"mongodb://u:p@db:1/x?tls=true": {"db:1", "mongodb://u:p@127.0.0.1:9/x?directConnection=true&tls=true"},
	} {
		addr, err := mongoAddr(uri)
		if err != nil || addr != want[0] || viaProxy(uri, proxy) != want[1] {
			t.Errorf("%s: %s, %v, %s", uri, addr, err, viaProxy(uri, proxy))
		}
	}
	for _, uri := range []string{"", "localhost", "http://x/", "mongodb+srv://x/", "mongodb://a,b/", "mongodb://a:1,b:2/", "://"} {
		if addr, err := mongoAddr(uri); err == nil {
			t.Errorf("%q gave %s", uri, addr)
		}
	}
	if viaProxy("://", proxy) != "://" || !strings.HasPrefix(viaProxy("mongodb://a/", proxy), "mongodb://"+proxy) {
		t.Error("another address")
	}
}
