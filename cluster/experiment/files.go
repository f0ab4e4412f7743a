package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"registration.example/cluster/chart"
	"registration.example/cluster/record"
)

// File is a record that is kept: NAME.csv, and NAME.svg, which is drawn from it.
type File string

// The files.
const (
	RealFile     File = "scaling"
	LagOnlyFile  File = "scaling-lag-only"
	LargeFile    File = "scaling-large"
	SettingsFile File = "scaling-settings"
)

// captions are what the figures say.
var captions = map[File]record.Caption{
	RealFile: {
		Title:              "Load rises, lag rises, pods come, the lag drains, pods go",
		Subtitle:           "real services and sidecars on 24 partitions; each operation is four events",
		EventsPerOperation: eventsPerOperation, Partitions: realPartitions,
	},
	LagOnlyFile: {
		Title:              "The same, scaled by the lag alone",
		Subtitle:           "real services and sidecars on 24 partitions; each operation is four events",
		EventsPerOperation: eventsPerOperation, Partitions: realPartitions,
	},
	LargeFile: {
		Title:              "280 pods on nodes that come with them",
		Subtitle:           "simulated consumers on 280 partitions; only user-approve is written",
		EventsPerOperation: 1, Partitions: largePods,
	},
	SettingsFile: {
		Title:    "Six ways to scale, under the same load",
		Subtitle: "simulated consumers on 60 partitions each, 200 records a second at full load; times of the settings are those of production",
	},
}

// profiles are the loads of the files.
var profiles = map[File]Profile{
	RealFile: realProfile(), LagOnlyFile: realProfile(), LargeFile: largeProfile(), SettingsFile: settingsProfile(),
}

// Keep writes the results of a run as CSV into a folder, and draws them.
func Keep(folder string, file File, results ...Result) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var runs []record.Run
	for _, r := range results {
		runs = append(runs, record.Run{Name: r.Name, Samples: r.Samples})
	}
	out, err := os.Create(file.path(folder, ".csv"))
	if err != nil {
		return err
	}
	if err := errors.Join(record.WriteCSV(out, runs...), out.Close()); err != nil {
		return err
	}
	return Draw(folder)
}

// Draw draws every record of a folder.
func Draw(folder string) error {
	for file := range captions {
		runs, err := file.read(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := file.draw(folder, runs); err != nil {
			return fmt.Errorf("draw %s: %w", file, err)
		}
	}
	return nil
}

func (f File) path(folder, ending string) string { return filepath.Join(folder, string(f)+ending) }

func (f File) read(folder string) ([]record.Run, error) {
	in, err := os.Open(f.path(folder, ".csv"))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return record.ReadCSV(in)
}

func (f File) draw(folder string, runs []record.Run) error {
	if len(runs) == 0 {
		return errors.New("it holds no run")
	}
	caption := captions[f]
	caption.Phases = profiles[f].Phases(runs[0].Samples[len(runs[0].Samples)-1].Seconds)
	figure := record.Figure(runs[0].Samples, caption)
	if f == SettingsFile {
		figure = comparison(runs, caption)
	}
	out, err := os.Create(f.path(folder, ".svg"))
	if err != nil {
		return err
	}
	return errors.Join(figure.Write(out), out.Close())
}

// comparison draws the variants under each other.
func comparison(runs []record.Run, caption record.Caption) chart.Figure {
	var compared []record.Compared
	for _, run := range runs {
		v := Judge(run.Samples, variantBounds())
		compared = append(compared, record.Compared{
			Title: settingsOf(run.Name), Samples: run.Samples,
			Unit: fmt.Sprintf("swings %d, highest lag %d, %.0f pod-seconds", v.Swings, v.MaxLag, v.PodSeconds),
		})
	}
	return record.Comparison(compared, caption, perPod)
}
