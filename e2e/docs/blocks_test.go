package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the repository.
const root = "../.."

// documents are all that is checked.
func documents(t *testing.T) []string {
	t.Helper()
	more, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"README.md", "CONTRIBUTING.md"}
	for _, name := range more {
		names = append(names, "docs/"+filepath.Base(name))
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// block is a fenced block of a document.
type block struct {
	line int
	kind string // sh, text and so on
	text string
	// options are those of the comment above it, by their first word.
	options map[string]string
	// output is what a block of shell commands prints; nil if that is not shown.
	output *string
}

var (
	marker = regexp.MustCompile(`^<!-- check: (.*) -->$`)
	words  = []string{"until", "in", "needs", "output", "printed"}
)

// blocks finds the fenced blocks of a document.
func blocks(document string) ([]block, error) {
	var found []block
	var options map[string]string
	open, adjacent := -1, false // the line of the open fence; only blank lines since a block of shell
	for i, line := range strings.Split(document, "\n") {
		switch {
		case open >= 0 && line == "```":
			last := &found[len(found)-1]
			if adjacent && last.kind == "text" && len(last.options) == 0 {
				output := last.text
				found[len(found)-2].output = &output
			}
			open, adjacent = -1, last.kind == "sh"
		case open >= 0:
			found[len(found)-1].text += line + "\n"
		case strings.HasPrefix(line, "```"):
			open = i
			found = append(found, block{line: i + 1, kind: strings.TrimPrefix(line, "```"), options: options})
			options = nil
		case marker.MatchString(line):
			var err error
			if options, err = parse(marker.FindStringSubmatch(line)[1]); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			adjacent = false
		case options != nil:
			return nil, fmt.Errorf("line %d: no block below the comment", i+1)
		case line != "":
			adjacent = false
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("line %d: the block has no end", open+1)
	}
	return found, nil
}

func parse(text string) (map[string]string, error) {
	options := map[string]string{}
	for option := range strings.SplitSeq(text, ", ") {
		word, rest, _ := strings.Cut(option, " ")
		if !slices.Contains(words, word) || rest == "" {
			return nil, fmt.Errorf("unknown option %q", option)
		}
		options[word] = rest
	}
	return options, nil
}

func parsed(t *testing.T, document string) []block {
	t.Helper()
	found, err := blocks(read(t, document))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return found
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	output := "1\n"
	for name, test := range map[string]struct {
		document string
		want     []block
		err      string
	}{
		"none":            {document: "text\n"},
		"commands":        {document: "```sh\na\nb\n```\n", want: []block{{line: 1, kind: "sh", text: "a\nb\n"}}},
		"with output":     {document: "```sh\na\n```\n\n```text\n1\n```\n", want: []block{{line: 1, kind: "sh", text: "a\n", output: &output}, {line: 5, kind: "text", text: "1\n"}}},
		"prose between":   {document: "```sh\na\n```\nand\n```text\n1\n```\n", want: []block{{line: 1, kind: "sh", text: "a\n"}, {line: 5, kind: "text", text: "1\n"}}},
		"comment between": {document: "```sh\na\n```\n<!-- check: printed by x -->\n```text\n1\n```\n", want: []block{{line: 1, kind: "sh", text: "a\n"}, {line: 5, kind: "text", text: "1\n", options: map[string]string{"printed": "by x"}}}},
		"options":         {document: "<!-- check: needs docker, until \"a b\" -->\n```sh\na\n```\n", want: []block{{line: 2, kind: "sh", text: "a\n", options: map[string]string{"needs": "docker", "until": `"a b"`}}}},
		"unknown option":  {document: "<!-- check: skip it -->\n```sh\n```\n", err: `line 1: unknown option "skip it"`},
		"no block":        {document: "<!-- check: in x -->\ntext\n", err: "line 2: no block below the comment"},
		"no end":          {document: "```sh\na\n", err: "line 1: the block has no end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := blocks(test.document)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Fatalf("got %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(block{})); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
		})
	}
}
