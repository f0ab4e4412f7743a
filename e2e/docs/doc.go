// Package docs checks that README.md, CONTRIBUTING.md and docs/ say what is
// true: it runs their commands, compares what they print, and looks up what
// they name. `make docs` runs all of it; what needs no system is part of
// `make test`.
//
// Each block of shell commands is run in order, in a copy of the repository,
// and must succeed. If a block of text follows it at once, that is what the
// block prints, times and the like apart. A comment above a block changes that:
//
//	<!-- check: until TEXT -->        it is left running when it has printed TEXT
//	<!-- check: in FILE -->           it is not run: FILE runs it, and is looked through for it
//	<!-- check: needs docker -->      it is skipped where Docker does not run
//	<!-- check: output differs -->    what it prints is an example
//	<!-- check: printed by COMMAND -->  above a text: the lines are printed by what was left running
package docs
