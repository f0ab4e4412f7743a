package docs

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)

// links gives the paths that a text links to, from the repository's root.
func links(document, text string) []string {
	var targets []string
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		if match[1] != "" && !strings.Contains(match[1], "://") {
			targets = append(targets, path.Join(path.Dir(document), match[1]))
		}
	}
	return targets
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		for _, target := range links(document, read(t, document)) {
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}

var testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	for _, file := range listed(t, "*_test.go") {
		tests.WriteString(read(t, file))
	}
	for _, document := range documents(t) {
		for _, match := range testName.FindAllStringSubmatch(read(t, document), -1) {
			if !strings.Contains(tests.String(), "\nfunc "+match[1]+"(") {
				t.Errorf("%s names %s, which does not exist", document, match[1])
			}
		}
	}
}

// TestCrashPointsAreAsTheyAre has docs/crash-points.md compared with what
// crashes leave, whatever Go remembers of an earlier run.
func TestCrashPointsAreAsTheyAre(t *testing.T) {
	t.Parallel()
	test := exec.Command("go", "test", "-count=1", "-run", "^TestCrashPoints$", ".")
	test.Dir = filepath.Join(root, "simulation")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var metricName = regexp.MustCompile("`registration_([a-z_]+)")

func TestNamedMetricsExist(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, file := range listed(t, "*.go") {
		code.WriteString(read(t, file))
	}
	for _, document := range documents(t) {
		for _, match := range metricName.FindAllStringSubmatch(read(t, document), -1) {
			if !strings.Contains(code.String(), `Name: "`+match[1]+`"`) {
				t.Errorf("%s names the metric registration_%s, which does not exist", document, match[1])
			}
		}
	}
}

// listed gives the files of the repository that match, as git knows them.
func listed(t *testing.T, patterns ...string) []string {
	t.Helper()
	git := exec.Command("git", append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	git.Dir = root
	out, err := git.Output()
	if err != nil {
		t.Skipf("needs a git clone: %v", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil { // not one that was just deleted
			files = append(files, name)
		}
	}
	return files
}

// TestLayoutIsComplete compares the README's layout with the top level.
func TestLayoutIsComplete(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## Layout\n")
	tree, err := blocks(section)
	if err != nil || len(tree) == 0 {
		t.Fatalf("no layout: %v", err)
	}
	shown := map[string]bool{}
	for line := range strings.Lines(tree[0].text) {
		if !strings.HasPrefix(line, " ") {
			name := strings.TrimSuffix(strings.Fields(line)[0], "/")
			shown[name] = true
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, file := range listed(t) {
		folder, _, inside := strings.Cut(file, "/")
		if inside && !strings.HasPrefix(folder, ".") && !shown[folder] {
			t.Errorf("%s/ is not in the layout", folder)
			shown[folder] = true
		}
	}
}

var (
	setting = regexp.MustCompile(`(?m)^  ([A-Z_]+) +(.*) \(default (.*)\)$`)
	row     = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (.*?) \\| (.*) \\|$")
)

// TestConfigurationIsComplete compares the README's tables with what the
// services say of themselves.
func TestConfigurationIsComplete(t *testing.T) {
	t.Parallel()
	rows := map[string][]string{}
	for _, match := range row.FindAllStringSubmatch(read(t, "README.md"), -1) {
		rows[match[1]] = match[2:]
	}
	known := map[string]bool{}
	for _, service := range []string{"operation-service", "user-service", "approval-service"} {
		help := exec.Command("go", "run", "./"+service, "-h")
		help.Dir = root
		out, err := help.CombinedOutput()
		if err != nil {
			t.Fatalf("%s -h: %v\n%s", service, err, out)
		}
		for _, match := range setting.FindAllStringSubmatch(string(out), -1) {
			name, meaning, fallback := match[1], match[2], match[3]
			known[name] = true
			shown, ok := rows[name]
			if !ok || shown[1] != meaning || !slices.Contains(strings.Split(shown[0], ", "), fallback) {
				t.Errorf("%s of %s is shown as %q, want default %q and %q", name, service, shown, fallback, meaning)
			}
		}
	}
	for name := range rows {
		if !known[name] {
			t.Errorf("no service has %s", name)
		}
	}
}

// TestWhatIsRunElsewhere looks for commands in the files that are said to run
// them.
func TestWhatIsRunElsewhere(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		for _, b := range parsed(t, document) {
			file, elsewhere := b.options["in"]
			if !elsewhere {
				continue
			}
			for command := range strings.Lines(b.text) {
				whole := regexp.MustCompile(`(?m)(^|\s)` + regexp.QuoteMeta(strings.TrimSpace(command)) + `$`)
				if !whole.MatchString(read(t, file)) {
					t.Errorf("%s:%d: %s does not run %s", document, b.line, file, command)
				}
			}
		}
	}
}
