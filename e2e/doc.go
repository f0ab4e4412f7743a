// Package e2e tests the whole system from outside: real services, sidecars,
// broker and database. By default it starts one on this machine (local/system);
// E2E_PROFILE chooses what that runs on:
//
//	embedded       the embedded broker and SQLite (the default)
//	kafka          a real Apache Kafka and SQLite; needs the build tag kafka
//	kafka-mongodb  what `dapr run -f .` runs on; MONGODB_URI if it is elsewhere
//
// With TARGET and USERS_TARGET set it starts nothing and tests the system at
// these URLs; KAFKA_BROKERS adds the tests that look at topics. Tests that kill
// processes need a system of their own and are skipped then.
package e2e
