package dapr

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// oldest is the first minor version of Dapr 1 that the run file works with:
// before it the CLI cannot do without a scheduler.
const oldest = 16

var versionPattern = regexp.MustCompile(`\bv?1\.(\d+)\.\d+\S*`)

// supported finds a version in what a program printed.
func supported(printed string) (version string, err error) {
	found := versionPattern.FindStringSubmatch(printed)
	if found == nil {
		return "", fmt.Errorf("%q names no version of Dapr 1", strings.TrimSpace(printed))
	}
	if minor, err := strconv.Atoi(found[1]); err != nil || minor < oldest {
		return "", fmt.Errorf("version %s is older than 1.%d", found[0], oldest)
	}
	return strings.TrimPrefix(found[0], "v"), nil
}

// versionOf runs a program with the arguments that make it print its version.
func versionOf(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", program, err)
	}
	version, err := supported(string(out))
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return version, nil
}
