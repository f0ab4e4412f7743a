package system

import (
	"os"
	"path/filepath"
	"time"

	"registration.example/local/broker"
)

// resources are the component folders: copies, where addresses differ.
func (s *System) resources() []string {
	shared, profile := filepath.Join(s.o.Components, "shared"), s.profileFolder()
	if s.readdressed() {
		profile = s.path("run", "components")
	}
	return []string{shared, filepath.Join(s.o.Components, s.approval()), profile}
}

// fastApproval is the longest delay with which a bulk of 500 takes no more than 2 s.
const fastApproval = 4 * time.Millisecond

// fast tells whether approvals take so little time that one replica is enough.
func (s *System) fast() bool {
	delay, err := time.ParseDuration(s.setting("APPROVAL_DELAY"))
	return err == nil && delay <= fastApproval
}

// approval is the folder of the subscription that suits the delay of approvals.
func (s *System) approval() string {
	if s.fast() {
		return "fast-approval"
	}
	return "slow-approval"
}

// topics are those that suit the delay of approvals.
func (s *System) topics() []broker.Topic {
	if s.fast() {
		return broker.FastTopics()
	}
	return broker.Topics()
}

// setting is what the services see of the environment.
func (s *System) setting(name string) string {
	if value, ok := s.o.Env[name]; ok {
		return value
	}
	return os.Getenv(name)
}

func (s *System) profileFolder() string {
	return filepath.Join(s.o.Components, string(s.o.Profile))
}

func (s *System) readdressed() bool {
	return s.o.Profile == KafkaMongoDB && (s.o.Kafka != "" || s.o.MongoDB != "")
}

func (s *System) embedsBroker() bool { return s.o.Profile == Embedded && s.o.Kafka == "" }
