// Package messages is the contract between the services: the topics, the
// event, its payloads and its encoding. It knows neither Dapr nor a service.
//
// An event is a CloudEvents 1.0 JSON document
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) that
// the services make themselves; the sidecar carries it as raw bytes.
package messages

// Topic is the name of a topic at the broker.
type Topic string

// The four topics of the user-create saga.
const (
	// UserCreateTopic asks user-service to make a user.
	UserCreateTopic Topic = "user-create"
	// UserApproveTopic asks approval-service for a verdict.
	UserApproveTopic Topic = "user-approve"
	// UserApproveResponseTopic brings the verdict back to user-service.
	UserApproveResponseTopic Topic = "user-approve-response"
	// UserCreateResponseTopic tells operation-service how the saga ended.
	UserCreateResponseTopic Topic = "user-create-response"
)

// Topics lists the topics in the order in which a saga uses them.
func Topics() []Topic {
	return []Topic{UserCreateTopic, UserApproveTopic, UserApproveResponseTopic, UserCreateResponseTopic}
}

// DeadLetter names the topic that keeps what consumers of t could not process.
func (t Topic) DeadLetter() Topic { return t + "-dead-letter" }

// eventType is the CloudEvents type of t's events. A change that old consumers
// cannot read takes a new version, and they dead-letter what they do not know.
func (t Topic) eventType() string { return "registration." + string(t) + ".v1" }
