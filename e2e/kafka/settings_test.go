package kafka

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVersionIsThatOfThePom(t *testing.T) {
	t.Parallel()
	if got := strings.Count(pom, "<version>"+Version+"</version>"); got != 3 {
		t.Errorf("pom.xml names version %s %d times, want 3: itself and both artifacts", Version, got)
	}
}

func TestWriteSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ advertise, want string }{
		"where it listens": {"", "127.0.0.1:29092"},
		"a proxy":          {"127.0.0.1:29192", "127.0.0.1:29192"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new", "folder")
			if err := writeSettings(Options{Dir: dir, Port: 29092, Advertise: test.advertise}); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, settingsFile))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				"listeners=PLAINTEXT://127.0.0.1:29092,",
				"advertised.listeners=PLAINTEXT://" + test.want + "\n",
				"log.dirs=" + filepath.Join(dir, "data") + "\n",
			} {
				if !strings.Contains(string(text), want) {
					t.Errorf("settings lack %q:\n%s", want, text)
				}
			}
		})
	}
}

func TestClusterID(t *testing.T) {
	t.Parallel()
	for range 200 {
		if id := clusterID(); len(id) != 22 || id[0] == '-' {
			t.Fatalf("cluster id %q: want 22 characters, the first no dash", id)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("one\ntwo\n\tat kafka.Kafka.main\nthree\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[int]string{1: "three", 2: "two\nthree", 9: "one\ntwo\nthree"} {
		if got := tail(path, lines); got != want {
			t.Errorf("last %d lines: got %q, want %q", lines, got, want)
		}
	}
	if got := tail(path+"x", 1); !strings.Contains(got, "no such file") {
		t.Errorf("absent file: got %q", got)
	}
}
