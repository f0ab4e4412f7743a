package dapr

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"registration.example/local/tools"
)

// packageLine is how `go build -v` names a package that it compiles.
var packageLine = regexp.MustCompile(`^[\w.~-]+(/[\w.~+-]+)*$`)

// progress says how far a build is: one line that moves on a terminal, a line
// now and then elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	started  time.Time
	shown    time.Time
	what     string
	count    int
	total    int
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, now: time.Now}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	p.started, p.shown = p.now(), p.now()
	return p
}

// countPackages downloads the modules that are needed and counts what there is
// to compile.
func (p *progress) countPackages(ctx context.Context, o Options) (int, error) {
	p.what, p.count, p.total = "modules downloaded", 0, 0
	cmd := tools.Command(ctx, o.Root, pinned, "list", "-deps", buildTags, daprdPackage, cliPackage)
	var packages strings.Builder
	cmd.Stdout = &packages
	if err := watch(cmd, p); err != nil {
		return 0, fmt.Errorf("download Dapr's modules: %w", err)
	}
	p.count = 0
	return strings.Count(packages.String(), "\n"), nil
}

// compiling starts the count of a program's packages, out of the packages of
// all programs; what Go has in its cache is never counted.
func (p *progress) compiling(program string, total int) {
	p.what, p.total = "packages compiled for "+program, total
	p.show()
}

// line counts a line that go printed, and says whether it was progress.
func (p *progress) line(line string) bool {
	if !strings.HasPrefix(line, "go: downloading ") && !packageLine.MatchString(line) {
		return false
	}
	p.count++
	interval := 10 * time.Second
	if p.terminal {
		interval = 100 * time.Millisecond
	}
	if p.now().Sub(p.shown) >= interval {
		p.show()
	}
	return true
}

func (p *progress) show() {
	p.shown = p.now()
	count := fmt.Sprint(p.count)
	if p.total > 0 {
		count = fmt.Sprintf("%d of at most %d", p.count, p.total)
	}
	start, end := "", "\n"
	if p.terminal {
		start, end = "\r\x1b[K", ""
	}
	elapsed := p.shown.Sub(p.started).Round(time.Second)
	_, _ = fmt.Fprintf(p.out, "%s  %s: %s, %s%s", start, p.what, count, elapsed, end)
}

// done ends the moving line.
func (p *progress) done() {
	if p.terminal {
		_, _ = fmt.Fprintln(p.out)
	}
}
