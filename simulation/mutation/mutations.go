package main

// mutation is one way to break the code.
type mutation struct {
	name string
	// In file, from is replaced by to.
	file, from, to string
	// tests are the arguments of go test; the simulation if empty.
	tests string
}

// simulation is what has to catch a mutation, if nothing else is said.
const simulation = "./simulation -run TestPromises -seeds 5000"

var mutations = []mutation{
	{
		name: "acknowledge what failed",
		file: "sidecar/subscribe.go",
		from: "if i < len(errs) && errs[i] == nil {", to: "if i < len(errs) {",
	},
	{
		name: "give up after a failure and go on",
		file: "service/consumer.go",
		from: "\t\tfor _, d := range round {\n\t\t\td.err = err\n\t\t}\n\t}\n\treturn down", to: "\t}\n\treturn down",
	},
	{
		name: "publish before save (user)",
		file: "user-service/app/events.go",
		from: "\tusers, existed, err := s.store.create(ctx, users)\n",
		to:   "\tif err := s.publish(ctx, users, origins); err != nil {\n\t\treturn err\n\t}\n\tusers, existed, err := s.store.create(ctx, users)\n",
	},
	{
		name: "publish before save (verdict)",
		file: "user-service/app/events.go",
		from: "\tstanding, existed, err := s.store.replace(ctx, changed)\n",
		to: "\tvar early []user.User\n\tfor _, c := range changed {\n\t\tearly = append(early, c.User)\n\t}\n" +
			"\tif err := s.publish(ctx, early, origins); err != nil {\n\t\treturn err\n\t}\n\tstanding, existed, err := s.store.replace(ctx, changed)\n",
	},
	{
		name: "a fresh user id on redelivery",
		file: "messages/payload.go",
		from: `return uuid.NewSHA1(operationID, []byte("user"))`, to: "_ = operationID\n\treturn uuid.New()",
	},
	{
		name: "ignore the client's key",
		file: "operation-service/app/accept.go",
		from: "id = messages.OperationID(key)", to: "id = uuid.New()",
	},
	{
		name: "ignore errors of publishing (request)",
		file: "operation-service/app/accept.go",
		from: "err = a.publish(ctx, accepted)", to: "_ = a.publish(ctx, accepted)",
	},
	{
		name: "ignore errors of publishing (saga)",
		file: "user-service/app/events.go",
		from: "\tif err := s.broker.Publish(ctx, service.PubSub, string(messages.UserApproveTopic), requests); err != nil {\n\t\treturn err\n\t}\n",
		to:   "\t_ = s.broker.Publish(ctx, service.PubSub, string(messages.UserApproveTopic), requests)\n",
	},
	{
		name: "ignore errors of publishing (approval)",
		file: "approval-service/app/events.go",
		from: "return a.broker.Publish(ctx, service.PubSub, string(messages.UserApproveResponseTopic), responses)",
		to:   "_ = a.broker.Publish(ctx, service.PubSub, string(messages.UserApproveResponseTopic), responses)\n\treturn nil",
	},
	{
		name: "answer before publishing",
		file: "operation-service/app/accept.go",
		from: "\taccepted, err := a.save(ctx, round)\n",
		to:   "\taccepted, err := a.save(ctx, round)\n\tif err == nil {\n\t\tfor _, t := range accepted {\n\t\t\tt.Finish(nil)\n\t\t}\n\t}\n",
	},
	{
		name: "no create-if-absent (user)",
		file: "user-service/app/store.go",
		from: "write(u, sidecar.IfAbsent, \"\")", to: "write(u, sidecar.Always, \"\")",
	},
	{
		name: "no create-if-absent (operation)",
		file: "operation-service/app/accept.go",
		from: "when = sidecar.IfAbsent", to: "when = sidecar.Always",
	},
	{
		name:  "write a verdict without looking at the tag",
		file:  "user-service/app/store.go",
		from:  "write(u.User, sidecar.IfUnchanged, u.etag)",
		to:    "write(u.User, sidecar.Always, \"\")",
		tests: "./user-service/...",
	},
	{
		name:  "an end may change",
		file:  "operation-service/operation/operation.go",
		from:  "\tif o.Done() {\n\t\treturn o, false\n\t}\n",
		to:    "",
		tests: "./operation-service/...",
	},
	{
		name: "a decision may change",
		file: "user-service/user/user.go",
		from: "\tif u.Decided() {\n\t\treturn u, false\n\t}\n", to: "",
	},
	{
		name: "publish once only: not on redelivery",
		file: "user-service/app/events.go",
		from: "\ts.stored(ctx, messages.UserCreateTopic, users, existed, origins)\n\treturn s.publish(ctx, users, origins)",
		to: "\ts.stored(ctx, messages.UserCreateTopic, users, existed, origins)\n\tvar fresh []user.User\n\tvar from []origin\n" +
			"\tfor i := range users {\n\t\tif !existed[i] {\n\t\t\tfresh, from = append(fresh, users[i]), append(from, origins[i])\n\t\t}\n\t}\n\treturn s.publish(ctx, fresh, from)",
	},
	{
		name: "publish once only: not for a repeated key",
		file: "operation-service/app/accept.go",
		from: "\t\t\tt.Value.operation = first.Operation\n", to: "\t\t\tt.Value.operation = first.Operation\n\t\t\tt.Finish(nil)\n\t\t\tcontinue\n",
	},
	{
		name:  "a batch may hold an operation twice",
		file:  "service/rounds.go",
		from:  "seen[k]++",
		to:    "_ = seen",
		tests: "./service",
	},
	{
		name: "swallow poison",
		file: "service/consumer.go",
		from: "\t\tif d.err = c.buryOne(ctx, letter, d.event); d.err != nil {\n\t\t\tcontinue\n\t\t}\n", to: "\t\t_ = letter\n",
	},
	{
		name: "acknowledge poison that could not be kept",
		file: "service/consumer.go",
		from: "\t\tif d.err = c.buryOne(ctx, letter, d.event); d.err != nil {\n\t\t\tcontinue\n\t\t}\n", to: "\t\t_ = c.buryOne(ctx, letter, d.event)\n",
	},
	{
		name:  "a dead letter does not end its operation",
		file:  "service/consumer.go",
		from:  "return c.Abandon(ctx, event, letter.Reason)",
		to:    "return nil",
		tests: "./service",
	},
	{
		name:  "an outage counts against events",
		file:  "service/consumer.go",
		from:  "errors.Is(err, sidecar.ErrBroker) ||",
		to:    "",
		tests: "./service",
	},
	{
		name:  "a conflict counts for the whole batch",
		file:  "sidecar/state.go",
		from:  "\t\tdefault:\n\t\t\trest = append(rest, p)\n",
		to:    "\t\tdefault:\n\t\t\tresults[p] = Result{Outcome: Existed, Record: found}\n",
		tests: "./sidecar",
	},
	{
		name:  "what was made since the read is written over",
		file:  "sidecar/guard.go",
		from:  "w.When, w.ETag = IfUnchanged, read.ETag",
		to:    "w.When = Always",
		tests: "./sidecar",
	},
	{
		name:  "a lone creation leaves the guard alone",
		file:  "sidecar/guard.go",
		from:  "if !s.atomic {",
		to:    "if !s.atomic || len(pending) == 1 {",
		tests: "./sidecar",
	},
	{
		name:  "one key for all records",
		file:  "sidecar/publish.go",
		from:  `entry.Metadata = map[string]string{"partitionKey": m.Key}`,
		to:    `entry.Metadata = map[string]string{"partitionKey": "one"}`,
		tests: "./sidecar",
	},
	{
		name:  "an unknown topic is answered 404",
		file:  "sidecar/subscribe.go",
		from:  "router.PathPrefix(EventsPath).HandlerFunc(refuse)",
		to:    "_ = refuse",
		tests: "./sidecar",
	},
}
